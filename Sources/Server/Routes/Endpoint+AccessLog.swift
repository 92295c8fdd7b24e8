import CareEpisode
import HTTPTypes
import Ledger
import ProjectionRuntime

extension Endpoint {
    /// A number of the access log to read on from.
    static let afterNumber = Parameter(
        "after",
        .cursor,
        "Go on after this number, as next_after tells it; without it, from the beginning.",
        standard: "0"
    )

    /// The tree of the access log, for those who may read it.
    static let accessLog: [Endpoint] = [
        Endpoint(
            operation: "getAccessLogCheckpoint",
            method: .get,
            path: "access-log/checkpoint",
            summary: "The newest signed checkpoint of the access log, sealed up to its end first",
            roles: [.auditor, .administrator],
            disclosesHealthInformation: false,
            parameters: [seal],
            answers: [.text("text/plain"), .json(PublishedCheckpoint.schema)],
            extraSeconds: 10,
            handler: { try await EvidenceRoutes.checkpoint($0, of: .access) }
        ),
        Endpoint(
            operation: "getAccessLogInclusionProof",
            method: .get,
            path: "access-log/proofs/inclusion",
            summary: "The proof that an entry of the access log is in its tree (RFC 6962)",
            roles: [.auditor, .administrator],
            disclosesHealthInformation: false,
            parameters: [
                Parameter(
                    "number",
                    .integer(1...Position.most),
                    "The entry's number.",
                    isRequired: true
                ),
                treeSize,
            ],
            answers: [.json(.schema(of: InclusionProof.ofAccessLog))],
            handler: { try await EvidenceRoutes.inclusion($0, in: .access) }
        ),
        Endpoint(
            operation: "getAccessLogConsistencyProof",
            method: .get,
            path: "access-log/proofs/consistency",
            summary: "The proof that one tree of the access log begins with another (RFC 6962)",
            roles: [.auditor, .administrator],
            disclosesHealthInformation: false,
            parameters: twoSizes,
            answers: [.json(ConsistencyProof.schema)],
            handler: { try await EvidenceRoutes.consistency($0, in: .access) }
        ),
        Endpoint(
            operation: "getAccessLogTile",
            method: .get,
            path: "access-log/tile/{tile}",
            summary: "The sealed access log as tiles and entries (C2SP tlog-tiles)",
            roles: [.auditor, .administrator],
            disclosesHealthInformation: false,
            answers: [.bytes("application/octet-stream")],
            handler: { try await EvidenceRoutes.tile($0, of: .access) }
        ),
    ]
}
