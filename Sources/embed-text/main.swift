// embed-text OUTPUT ROOT FILE...: writes `enum EmbeddedText` with the text of every file, named by
// its path below ROOT, as raw string literals. Run by the EmbedText plugin.
import FoundationEssentials
import Glibc

let arguments = CommandLine.arguments.dropFirst()
guard let output = arguments.first, let root = arguments.dropFirst().first else {
    print("usage: embed-text OUTPUT ROOT FILE...")
    exit(64)
}

var source = """
    // Written by the EmbedText plugin.

    /// The SQL, Python, Markdown, CSS, CSV and JavaScript files of this target, in the order of their paths.
    enum EmbeddedText {
        /// Path below the target's folder, and text.
        static let files: [(path: String, text: StaticString)] = [

    """
for file in arguments.dropFirst(2) {
    let text = try String(contentsOf: URL(filePath: file), encoding: .utf8)
    var hashes = "#"
    while text.contains("\"\"\"" + hashes) || text.contains("\\" + hashes) { hashes += "#" }
    var path = Substring(file)
    if path.hasPrefix(root) { path = path.dropFirst(root.count) }
    while path.hasPrefix("/") { path = path.dropFirst() }
    source += "        (\n            \"\(path)\",\n            \(hashes)\"\"\"\n"
    source += text.hasSuffix("\n") ? text : text + "\n"
    source += "\n\"\"\"\(hashes)\n        ),\n"
}
source += """
        ]

        /// The text of one file, which a target without it must not ask for.
        static func text(_ path: String) -> String { literal(path).description }

        /// Likewise as a literal: what only a literal may be, such as a style sheet.
        static func literal(_ path: String) -> StaticString {
            guard let file = files.first(where: { $0.path == path }) else {
                preconditionFailure("no text file \\(path) in this target")
            }
            return file.text
        }
    }

    """
try Data(source.utf8).write(to: URL(filePath: output))
