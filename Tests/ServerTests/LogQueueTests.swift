import CareEpisode
import Glibc
import Logging
import Postgres
import TestSupport
import Testing

@testable import Server

@Suite("The log keeps nobody waiting")
struct LogQueueTests {
    /// A pipe, from whose end nothing is read unless the test does.
    private final class Pipe: Sendable {
        let (reading, writing): (CInt, CInt)

        init() {
            var ends: [CInt] = [0, 0]
            precondition(pipe(&ends) == 0, "no pipe")
            (reading, writing) = (ends[0], ends[1])
        }

        func read() -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            let count = Glibc.read(reading, &bytes, bytes.count)
            return Array(bytes.prefix(max(count, 0)))
        }

        deinit { close(reading) }
    }

    private func line(_ number: Int, _ length: Int) -> [UInt8] {
        let start = Array("\(number) ".utf8)
        return start + [UInt8](repeating: 0x2E, count: length - start.count - 1) + [0x0A]
    }

    @Test("Where nobody reads, lines are left out and counted; when somebody does, that is told")
    func stalled() async throws {
        let pipe = Pipe()
        let queue = LogQueue(pipe.writing, limit: 200_000)
        // Neither the pipe nor the queue holds a megabyte; whoever logs goes on.
        for number in 0..<1_000 { queue.put(line(number, 1_000)) }
        #expect(await queue.flush(atMost: .milliseconds(10)) == false)
        queue.put(line(1_000, 1_000))
        let (texts, told) = AsyncStream.makeStream(of: String.self)
        // Whoever waits for a pipe keeps a thread.
        let isReading = BlockingCalls.onHelperThread {
            var text: [UInt8] = []
            while !text.suffix(8).elementsEqual("THE END\n".utf8) { text += pipe.read() }
            told.yield(String(decoding: text, as: UTF8.self))
            told.finish()
        }
        #expect(isReading)
        #expect(await queue.flush(atMost: .seconds(60)))
        queue.put(Array("THE END\n".utf8))
        var lines: [Substring] = []
        for await text in texts { lines = text.split(separator: "\n") }
        let gaps = lines.filter { $0.contains("log lines were left out") }
        let numbers = lines.compactMap { Int($0.prefix { $0 != " " }) }
        #expect(numbers == numbers.sorted() && numbers.first == 0)
        var dropped = 0
        for line in gaps {
            let json = try JSONValue(Array(line.utf8))
            dropped += Int(json["lines"]?.text ?? "") ?? 0
        }
        #expect(dropped > 0 && dropped + numbers.count == 1_001)
        close(pipe.writing)
    }

    @Test("A line is written whole, in as many parts as the system takes, and in order")
    func shortWrites() async throws {
        let pipe = Pipe()
        // Writes stop when the pipe is full, in the middle of a line.
        #expect(fcntl(pipe.writing, F_SETFL, O_NONBLOCK) == 0)
        let queue = LogQueue(pipe.writing)
        let lines = (0..<40).map { line($0, 9_001) }
        for line in lines { queue.put(line) }
        var text: [UInt8] = []
        while text.count < 40 * 9_001 { text += pipe.read() }
        #expect(text == Array(lines.joined()))
        #expect(await queue.flush(atMost: .seconds(60)))
        close(pipe.writing)
    }

    @Test("Where nobody is at the other end any more, lines are left out, and nobody waits")
    func closed() async throws {
        signal(SIGPIPE, SIG_IGN)
        let queue: LogQueue
        do {
            let pipe = Pipe()
            queue = LogQueue(pipe.writing)
        }
        for number in 0..<100 { queue.put(line(number, 1_000)) }
        #expect(await queue.flush(atMost: .seconds(60)))
    }

    @Test("What is logged is a line of JSON in the queue")
    func json() async throws {
        let pipe = Pipe()
        let queue = LogQueue(pipe.writing)
        var logger = Logger(label: "test") { JSONLog(label: $0, level: .info, queue: queue) }
        logger[metadataKey: "hb.request.id"] = "7"
        logger.info("request", metadata: ["status": "200"])
        #expect(await queue.flush(atMost: .seconds(60)))
        let json = try JSONValue(pipe.read().dropLast())
        #expect(json["request_id"] == "7" && json["status"] == "200" && json["level"] == "info")
        close(pipe.writing)
    }
}
