import ArgumentParser

@main
struct Program: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmarks",
        abstract: "Measure EpisodeLedger on a private, durable cluster that is thrown away.",
        subcommands: [Append.self, Rebuild.self, Seal.self, Verify.self, Parse.self]
    )
}
