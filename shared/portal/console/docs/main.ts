import SwaggerUI from "swagger-ui-dist/swagger-ui-bundle.js";
import "swagger-ui-dist/swagger-ui.css";
import "./main.css";

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

SwaggerUI({
  dom_id: "#docs",
  // Relative, because the path before it (the stage) is not known here.
  url: "../v1/openapi.json",
  deepLinking: true,
  // Another host would be asked what it thinks of the document.
  validatorUrl: null,
});
