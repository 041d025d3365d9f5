'use strict';

// What JavaScript makes of documents. A request on the standard input: one letter, the length as four bytes (little
// endian), the text. The answers come in the same order.
//   F: s if JSON.stringify(JSON.parse(text)) gives the same bytes, else d with what it gives
//   P: r if JSON.parse refuses the text, else a with what Parse and Marshal must make of it
// Answers d and a carry a length and a text like a request.

// decimal is the only form of a number's value: digits without zeros at either end, and a power of ten.
function decimal(text) {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  const digits = (whole + fraction).replace(/^0+/, '');
  const kept = digits.replace(/0+$/, '');
  return kept === '' ? '0' : `${sign}${kept}e${BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - kept.length)}`;
}

// number applies the rule for numbers: as JavaScript writes them if no digit is lost, otherwise all digits as a string.
function number(text) {
  const again = JSON.stringify(Number(text));
  return text.length <= 512 && again !== 'null' && decimal(again) === decimal(text) ? again : `"${text}"`;
}

// string applies the rule for lone surrogates, to names and texts alike.
function string(text) {
  return JSON.stringify(JSON.parse(text).toWellFormed());
}

// A valid text has no other tokens that begin with a quote, a digit or a minus sign.
const tokens = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

function expected(text) {
  JSON.parse(text); // throws for what is no JSON
  return JSON.stringify(JSON.parse(text.replace(tokens, t => (t[0] === '"' ? string(t) : number(t)))));
}

function again(text) {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch (error) {
    return String(error);
  }
}

function frame(letter, text) {
  const body = Buffer.from(text);
  const head = Buffer.alloc(5, letter);
  head.writeUInt32LE(body.length, 1);
  return Buffer.concat([head, body]);
}

const same = Buffer.from('s');
const refused = Buffer.from('r');

function answer(letter, bytes) {
  const text = bytes.toString('utf8');
  if (letter === 'F') {
    const back = again(text);
    return Buffer.from(back).equals(bytes) ? same : frame('d', back);
  }
  try {
    return frame('a', expected(text));
  } catch (error) {
    if (error instanceof SyntaxError) return refused;
    throw error;
  }
}

let pending = Buffer.alloc(0);
process.stdin.on('data', chunk => {
  pending = Buffer.concat([pending, chunk]);
  const answers = [];
  let at = 0;
  while (pending.length - at >= 5) {
    const end = at + 5 + pending.readUInt32LE(at + 1);
    if (pending.length < end) break;
    answers.push(answer(String.fromCharCode(pending[at]), pending.subarray(at + 5, end)));
    at = end;
  }
  pending = pending.subarray(at);
  process.stdout.write(Buffer.concat(answers));
});
