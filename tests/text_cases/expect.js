// Writes FOLDER/expected/NAME.json: for every text its ids, types and decoded
// text, by the tokenizers library (npm install tokenizers@0.23.2; set NODE_PATH).
const fs = require("fs"), path = require("path");
const { Tokenizer } = require("tokenizers");

async function main(folder) {
  const texts = JSON.parse(fs.readFileSync(path.join(folder, "texts.json")));
  fs.mkdirSync(path.join(folder, "expected"), { recursive: true });
  for (const file of fs.readdirSync(folder).sort()) {
    if (!file.endsWith(".json") || file === "texts.json") continue;
    const tokenizer = Tokenizer.fromFile(path.join(folder, file));
    const lines = [];
    for (const text of texts) {
      const encoding = await tokenizer.encode(text);
      const ids = encoding.getIds();
      const entry = { ids, text: await tokenizer.decode(ids, true) };
      if (encoding.getTypeIds().some((t) => t)) entry.types = encoding.getTypeIds();
      lines.push(JSON.stringify(entry));
    }
    fs.writeFileSync(path.join(folder, "expected", file), "[" + lines.join(",\n") + "]\n");
  }
}
main(process.argv[2]);
