import Foundation
import Testing

@Suite("Pages on the command line")
struct ReadModelCommandPageTests {
    @Test("Every question, replay and status can be printed as a page")
    func pages() async throws {
        try await Riverside.with { riverside in
            let story = MedicatedEpisode()
            try await riverside.record(story.lines)
            let episode = "--episode \(story.episode)"
            for command in [
                "census --date 2025-02-01", "census --from 2025-02-01 --to 2025-02-03",
                "outcomes --from 2025-01-01 --to 2025-03-01", "episodes",
                "attendance \(episode)", "medication-review \(episode)",
                "medication-review --program iop-adult", "discharge-summary \(episode) --interim",
                "discharge-summary --program iop-adult", "replay \(episode)", "status",
                "census --date 2025-02-01 --diff 2025-01-01,2025-03-01",
            ] {
                let page = try await riverside.output("\(command) --format html").text
                #expect(page.hasPrefix("<!DOCTYPE html>"), "\(command)")
                #expect(page.hasSuffix("</html>\n"), "\(command)")
                let title = page.firstRange(of: "<title>")
                let rest = page[(try #require(title, "\(command)")).upperBound...]
                #expect(!rest.hasPrefix("<"), "the page of \(command) has no title")
            }
        }
    }
}
