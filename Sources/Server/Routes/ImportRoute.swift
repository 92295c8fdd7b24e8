public import CareEpisode
import HTTPTypes
import Hummingbird
public import Ledger

/// Appends NDJSON of any length; a line of result for each line, in order, while it goes on.
enum ImportRoute {
    static func run(_ call: Call) async throws -> Reply {
        let sequencer = try call.service.sequencer(call.ledger)
        let body = ResponseBody { writer in
            var job = ImportJob(sequencer, recordedBy: call.principal.subject)
            var chunks = call.request.body.makeAsyncIterator()
            try await job.run {
                try await chunks.next().map { Array($0.readableBytesView) }
            } telling: { lines in
                var buffer = ByteBuffer()
                for line in lines { buffer.writeBytes(line.json.bytes + [0x0A]) }
                try await writer.write(buffer)
            }
            try await writer.finish(nil)
        }
        return Reply(
            Response(
                status: .ok,
                headers: [.contentType: "application/x-ndjson"],
                body: body
            )
        )
    }
}

extension ImportJob.Line: JSONObject {
    /// What became of a line.
    public static let fields: [JSONField<Self>] = [
        .init("line", \.number),
        .init("status", \.status),
        .init("position", \.outcome.receipts.first?.position),
        .init("errors") { $0.outcome.decline?.errors ?? [] },
    ]

    private enum Status: String, ClosedCode {
        case appended, duplicate, refused
    }

    private var status: Status {
        switch outcome {
        case .appended: .appended
        case .duplicate: .duplicate
        case .refused, .conflict, .eventIDReused, .partlyRecorded: .refused
        }
    }
}
