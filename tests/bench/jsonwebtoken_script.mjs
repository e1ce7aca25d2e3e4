// What a user may write instead of `create-qseow --batch`, with Node's jsonwebtoken: CSV from stdin to JSON Lines on stdout.
// Fields hold no quotes, commas or line breaks. jsonwebtoken is looked for in the folder where the script is started.

import { createPrivateKey } from "node:crypto"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { createInterface } from "node:readline"

const jsonwebtoken = createRequire(`${process.cwd()}/`)("jsonwebtoken")
const [path, algorithm = "RS256"] = process.argv.slice(2)
const key = createPrivateKey(readFileSync(path))
let header
for await (const line of createInterface({ input: process.stdin })) {
  const fields = line.split(",")
  if (header === undefined) {
    header = fields
    continue
  }
  const row = Object.fromEntries(header.map((name, index) => [name, fields[index]]))
  const now = Math.floor(Date.now() / 1000)
  const claims = { userId: fields[0], userDirectory: "LAB", name: row.username, group: (row.groups ?? "").split(";") }
  const token = jsonwebtoken.sign({ ...claims, iat: now, nbf: now, exp: now + 3600 }, key, { algorithm })
  if (!process.stdout.write(JSON.stringify({ ...row, token }) + "\n")) {
    await new Promise((resolve) => process.stdout.once("drain", resolve))
  }
}
