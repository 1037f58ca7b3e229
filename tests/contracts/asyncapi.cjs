// Reads an AsyncAPI document with the parser of its makers: prints what it complains of, and the document
// with all references resolved, as JSON.
const { Parser, fromFile } = require("@asyncapi/parser");
(async () => {
  const { document, diagnostics } = await fromFile(new Parser(), process.argv[2]).parse();
  console.log(JSON.stringify({ diagnostics, document: document?.json() }, null, 1));
})();
