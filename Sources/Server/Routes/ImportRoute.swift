import CareEpisode
import HTTPTypes
import Hummingbird
import Ledger
import ProjectionRuntime

/// Appends NDJSON of any length; a line of result for each line, in order, while it goes on.
enum ImportRoute {
    /// Lines under way at once.
    private static let window = 256
    /// The longest line, in bytes: an event, and as much again for white space.
    private static let lineLimit = 1 << 19

    static func run(_ call: Call) async throws -> Reply {
        let body = ResponseBody { writer in
            var job = Job(call)
            var line: [UInt8] = []
            for try await var buffer in call.request.body {
                while let byte = buffer.readInteger(as: UInt8.self) {
                    if byte == UInt8(ascii: "\n") {
                        try await job.take(line, &writer)
                        line.removeAll(keepingCapacity: true)
                    } else if line.count <= lineLimit {
                        line.append(byte)
                    }
                }
            }
            try await job.take(line, &writer)
            try await job.finish(&writer)
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

    private struct Job {
        private let call: Call
        private var number = 0
        private var pending: [(line: Int, ticket: AppendTicket?, errors: [FieldError])] = []

        init(_ call: Call) {
            self.call = call
        }

        /// One line; an empty one means nothing, but counts.
        @concurrent
        mutating func take(_ line: [UInt8], _ writer: inout any ResponseBodyWriter) async throws {
            number += 1
            guard line.contains(where: { ![0x20, 0x09, 0x0D].contains($0) }) else { return }
            do {
                let (episode, draft) = try EventParser.parseLine(line)
                let request = AppendRequest(
                    episodeID: episode,
                    events: [draft],
                    recordedBy: call.principal.subject
                )
                while true {
                    do {
                        let ticket = try call.service.sequencer(call.ledger).submit(request)
                        pending.append((number, ticket, []))
                        break
                    } catch AppendError.overloaded where !pending.isEmpty {
                        try await tellFirst(&writer)
                    }
                }
            } catch let refusal as Refusal {
                pending.append((number, nil, refusal.errors))
            }
            if pending.count >= ImportRoute.window { try await tellFirst(&writer) }
        }

        @concurrent
        mutating func finish(_ writer: inout any ResponseBodyWriter) async throws {
            while !pending.isEmpty { try await tellFirst(&writer) }
        }

        @concurrent
        private mutating func tellFirst(_ writer: inout any ResponseBodyWriter) async throws {
            let (line, ticket, errors) = pending.removeFirst()
            var (status, position, found) = ("refused", Int64?.none, errors)
            if let ticket {
                switch try await ticket.outcome() {
                case .appended(let receipts):
                    (status, position) = ("appended", receipts.first?.position.rawValue)
                case .duplicate(let receipts):
                    (status, position) = ("duplicate", receipts.first?.position.rawValue)
                case .refused(let refusal):
                    found = refusal.errors
                case .conflict, .partlyRecorded:
                    found = [
                        FieldError(pointer: "", code: "conflict", detail: "changed meanwhile")
                    ]
                case .eventIDReused:
                    found = [
                        FieldError(
                            pointer: "/event_id",
                            code: "event_id_reused",
                            detail: "is recorded with other content"
                        )
                    ]
                }
            }
            let result: AnswerJSON = [
                "line": .integer(Int64(line)),
                "status": .string(status),
                "position": position.map { .integer($0) } ?? .null,
                "errors": .array(found.map(\.json)),
            ]
            try await writer.write(ByteBuffer(bytes: result.bytes + [0x0A]))
        }
    }
}
