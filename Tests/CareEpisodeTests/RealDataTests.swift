import CareEpisode
import Foundation
import Testing

@Suite("Real episodes")
struct RealDataTests {
    /// MIMIC-IV demo data, which lies beside the repository and is not part of it.
    private static let path = [
        "\(#filePath)/../../../../shared/data/mimic/episodes.ndjson",
        FileManager.default.currentDirectoryPath + "/../shared/data/mimic/episodes.ndjson",
    ].map { URL(fileURLWithPath: $0).standardizedFileURL.path }
        .first { FileManager.default.fileExists(atPath: $0) }

    @Test(
        "Every event of MIMIC is accepted in its order, and is the same when read again",
        .enabled(if: path != nil, "../shared/data/mimic/episodes.ndjson is absent")
    )
    func mimic() throws {
        let file = try Data(contentsOf: URL(fileURLWithPath: try #require(RealDataTests.path)))
        var states: [EpisodeID: EpisodeState] = [:]
        var lines = 0
        for line in [UInt8](file).split(separator: UInt8(ascii: "\n")) {
            lines += 1
            let (episode, draft) = try EventParser.parseLine(Array(line))
            #expect(states[episode, default: EpisodeState()].decide(draft) == [], "line \(lines)")
            states[episode, default: EpisodeState()].apply(draft)
            let again = try EventParser.parseLine(draft.importLine(episodeID: episode))
            #expect(again.draft == draft, "line \(lines)")
        }
        #expect(lines == 12_498)
        #expect(states.count == 151)
    }
}
