package webhook

// Kept is what a store read with a value and does not know: a later release's attributes. Whoever changes the value leaves
// it as it is, and the store that made it writes it back, so that an older release drops nothing. Nil if there is none.
type Kept any
