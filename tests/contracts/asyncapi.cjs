const { Parser, fromFile } = require("@asyncapi/parser");
(async () => {
  const { document, diagnostics } = await fromFile(new Parser(), process.argv[2]).parse();
  console.log(JSON.stringify({ diagnostics, document: document?.json() }, null, 1));
})();
