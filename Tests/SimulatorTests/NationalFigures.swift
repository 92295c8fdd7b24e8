import CareEpisode
import Foundation

@testable import Simulator

/// What the simulation is calibrated on, copied here so that a change of its weights is noticed.
///
/// Source: SAMHSA, Treatment Episode Data Set: Discharges 2019 (TEDS-D 2019), which counts episodes
/// of substance use treatment in the United States.
enum NationalFigures {
    /// shared/data/teds/tedsd2019_services_discharge_x_reason.csv, SERVICES_D 6 (ambulatory, intensive
    /// outpatient): COUNT by REASON 1 to 7.
    static let intensiveOutpatientEndings = [61_084, 63_257, 16_109, 77_785, 4432, 461, 12_643]
    /// The same table, SERVICES_D 7 (ambulatory, not intensive).
    static let outpatientEndings = [332_393, 242_889, 54_314, 190_569, 19_755, 2974, 41_372]
    /// shared/data/teds/tedsd2019_codebook_frequencies.csv, PSOURCE 1 to 7 over all services; the 120,477 discharges of unknown source (−9) are left out.
    static let referralSources = [733_096, 148_839, 125_477, 6969, 6448, 174_069, 407_128]

    /// The referral sources in the order of PSOURCE.
    static let referralCodes: [ReferralSource] = [
        .individual, .sudProvider, .healthProvider, .school, .employer, .community, .court,
    ]

    /// How often each of the TEDS codes 1 to 7 is among these.
    static func tally(_ codes: [Int]) -> [Int] {
        codes.reduce(into: Array(repeating: 0, count: 7)) { $0[$1 - 1] += 1 }
    }
}

/// `shared/data` beside the repository, which a checkout by itself does not have.
enum SharedData {
    static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "shared/data")
    static let isThere = FileManager.default.fileExists(atPath: folder.path)

    static func file(_ path: String) throws -> String {
        try String(contentsOf: folder.appending(path: path), encoding: .utf8)
    }

    /// The cells of each row, split at every comma, also one within quotation marks.
    static func rows(_ path: String) throws -> [[Substring]] {
        try file(path).split(whereSeparator: \.isNewline).map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
    }
}
