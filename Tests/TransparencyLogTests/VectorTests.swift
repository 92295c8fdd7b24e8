import Foundation
import Testing
import TransparencyLog

/// Proofs, right and mutated, of the transparency-dev project (Apache 2.0, see Vectors/LICENSE).
@Suite("Published proofs")
struct VectorTests {
    private struct Inclusion: Decodable {
        var leafIdx: UInt64
        var treeSize: UInt64
        var root: String
        var leafHash: String
        var proof: [String]?
        var desc: String
        var wantErr: Bool
    }

    private struct Consistency: Decodable {
        var size1: UInt64
        var size2: UInt64
        var root1: String
        var root2: String
        var proof: [String]?
        var desc: String
        var wantErr: Bool
    }

    private static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().appending(path: "Vectors")

    private func probes<Probe: Decodable>(_ kind: String, _: Probe.Type) throws -> [Probe] {
        let folder = Self.folder.appending(path: kind)
        let paths = try #require(
            FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        )
        return try paths.compactMap { $0 as? URL }
            .filter { $0.pathExtension == "json" }
            .map { try JSONDecoder().decode(Probe.self, from: Data(contentsOf: $0)) }
    }

    /// A hash of a probe; one that is not of 32 bytes can be part of no valid proof.
    private func hash(_ text: String) -> TreeHash? {
        Data(base64Encoded: text).flatMap { TreeHash($0) }
    }

    @Test("Every inclusion proof gets the right verdict")
    func inclusion() throws {
        let probes = try probes("inclusion", Inclusion.self)
        #expect(probes.count > 50)
        #expect(probes.contains { !$0.wantErr })
        for probe in probes {
            let proof = (probe.proof ?? []).map(hash)
            var isValid = false
            if let root = hash(probe.root), let leaf = hash(probe.leafHash),
                !proof.contains(nil),
                let index = Int64(exactly: probe.leafIdx), let size = Int64(exactly: probe.treeSize)
            {
                isValid = TreeProof.verifyInclusion(
                    leaf: leaf,
                    index: index,
                    size: size,
                    root: root,
                    proof: proof.compactMap { $0 }
                )
            }
            #expect(isValid == !probe.wantErr, "\(probe.desc): \(probe)")
        }
    }

    @Test("Every consistency proof gets the right verdict")
    func consistency() throws {
        let probes = try probes("consistency", Consistency.self)
        #expect(probes.count > 30)
        #expect(probes.contains { !$0.wantErr })
        for probe in probes {
            let proof = (probe.proof ?? []).map(hash)
            var isValid = false
            if let first = hash(probe.root1), let second = hash(probe.root2),
                !proof.contains(nil),
                let size1 = Int64(exactly: probe.size1), let size2 = Int64(exactly: probe.size2)
            {
                isValid = TreeProof.verifyConsistency(
                    from: size1,
                    first,
                    to: size2,
                    second,
                    proof: proof.compactMap { $0 }
                )
            }
            #expect(isValid == !probe.wantErr, "\(probe.desc): \(probe)")
        }
    }
}
