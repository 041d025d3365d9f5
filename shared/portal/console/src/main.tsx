import { render } from "preact";
import { App } from "./app";
import "./main.css";
import { start } from "./router";

start();
const root = document.getElementById("app");
if (root) {
  render(<App />, root);
}
