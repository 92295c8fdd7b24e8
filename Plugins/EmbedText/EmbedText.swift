import PackagePlugin

/// Turns the `.sql`, `.py`, `.md`, `.css`, `.csv` and `.js` files of a target into one Swift file of
/// string literals.
///
/// The package manager's own `.embedInCode` writes arrays of bytes, which take the compiler
/// minutes beyond some tens of kilobytes, and forgets the folders.
@main
struct EmbedText: BuildToolPlugin {
    private static let suffixes: Set<String> = ["sql", "py", "md", "css", "csv", "js"]

    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        guard let target = target.sourceModule else { return [] }
        let files = target.sourceFiles.map(\.url)
            .filter { Self.suffixes.contains($0.pathExtension) }
            .sorted { $0.path < $1.path }
        let output = context.pluginWorkDirectoryURL.appending(path: "EmbeddedText.swift")
        return [
            .buildCommand(
                displayName: "Embedding the text files of \(target.name)",
                executable: try context.tool(named: "embed-text").url,
                arguments: [output.path, target.directoryURL.path] + files.map(\.path),
                inputFiles: files,
                outputFiles: [output]
            )
        ]
    }
}
