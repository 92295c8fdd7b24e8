import Foundation
import TestSupport
import Testing

/// A receiver in another process, which writes down what it is sent.
struct WebhookReceiver: Sendable {
    /// What it was sent.
    struct Request: Decodable {
        let path: String
        let headers: [String: String]
        let body: String
        let status: Int

        var json: ServiceFixture.JSONObject { ServiceFixture.JSONObject(body) }
    }

    let port: Int
    let file: String

    private static let scripts = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Independent").path

    static func with(
        _ statuses: [Int] = [],
        _ body: (WebhookReceiver) async throws -> Void
    ) async throws {
        try await with(answers: statuses.map { "\($0)" }, body)
    }

    /// - Parameter answers: a status each, with what `Retry-After` says behind a `=`.
    static func with(
        answers: [String],
        _ body: (WebhookReceiver) async throws -> Void
    ) async throws {
        let file = NSTemporaryDirectory() + "webhooks-\(UUID().uuidString).ndjson"
        try Data().write(to: URL(filePath: file))
        let program = BackgroundProgram(
            ["python3", "\(scripts)/webhook_receiver.py", file] + answers
        )
        defer {
            program.kill()
            try? FileManager.default.removeItem(atPath: file)
        }
        try await eventually("the receiver listens") { program.output.hasSuffix("\n") }
        let line = program.output.trimmingCharacters(in: .whitespacesAndNewlines)
        let port = try #require(Int(line))
        try await body(WebhookReceiver(port: port, file: file))
    }

    /// What it was sent so far.
    func requests() throws -> [Request] {
        let text = try String(contentsOfFile: file, encoding: .utf8)
        // The last line may still be under way.
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        return try lines.map { line in
            try JSONDecoder().decode(Request.self, from: Data(line.utf8))
        }
    }
}
