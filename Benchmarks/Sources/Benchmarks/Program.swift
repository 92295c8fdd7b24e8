import ArgumentParser
import EmbeddedPostgres
import Ledger
import ProjectionRuntime
import Projections
import Simulator

@main
struct Program: AsyncParsableCommand {
    mutating func run() async throws {}
}
