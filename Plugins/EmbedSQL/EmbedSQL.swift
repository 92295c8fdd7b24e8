import PackagePlugin

/// Turns the `.sql` files of a target into one Swift file of string literals.
///
/// The package manager's own `.embedInCode` writes arrays of bytes, which take the compiler
/// minutes beyond some tens of kilobytes, and forgets the folders.
@main
struct EmbedSQL: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        guard let target = target.sourceModule else { return [] }
        let files = target.sourceFiles(withSuffix: "sql").map(\.url).sorted { $0.path < $1.path }
        let output = context.pluginWorkDirectoryURL.appending(path: "EmbeddedSQL.swift")
        return [
            .buildCommand(
                displayName: "Embedding the SQL of \(target.name)",
                executable: try context.tool(named: "embed-sql").url,
                arguments: [output.path, target.directoryURL.path] + files.map(\.path),
                inputFiles: files,
                outputFiles: [output]
            )
        ]
    }
}
