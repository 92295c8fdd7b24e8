import AsyncHTTPClient
import Foundation
import Ledger
import NIOCore
import NIOHTTP1
import Testing

@testable import Server

/// Asks for pages as a browser does: with its cookies, following nothing by itself.
actor Browser {
    private let port: Int
    /// Sent with every request; nil for the address itself.
    private let host: String?
    private let client = HTTPClient(
        eventLoopGroupProvider: .singleton,
        configuration: .init(redirectConfiguration: .disallow)
    )
    private(set) var cookies: [String: String] = [:]

    init(port: Int, host: String? = nil) { (self.port, self.host) = (port, host) }

    /// Opens a browser, and closes it after the body.
    static func with<Result: Sendable>(
        _ fixture: ServiceFixture,
        host: String? = nil,
        _ body: @Sendable (Browser) async throws -> Result
    ) async throws -> Result {
        let browser = Browser(port: fixture.port, host: host)
        do {
            let result = try await body(browser)
            try await browser.client.shutdown()
            return result
        } catch {
            try await browser.client.shutdown()
            throw error
        }
    }

    /// A browser of somebody who is signed in.
    static func signedIn<Result: Sendable>(
        _ fixture: ServiceFixture,
        roles: [String] = ["clinician", "auditor", "administrator"],
        subject: String = "local:tester",
        _ body: @Sendable (Browser) async throws -> Result
    ) async throws -> Result {
        let link = try await SignIns(fixture.database).newLink(for: subject, roles: roles)
        return try await with(fixture) { browser in
            let page = try await browser.get("/sign-in/once/\(link)")
            let answer = try await browser.post(
                "/sign-in/once/\(link)",
                ["form_token": page.formToken]
            )
            #expect(answer.status == 303)
            return try await body(browser)
        }
    }

    func close() async throws { try await client.shutdown() }

    func set(cookie name: String, _ value: String?) { cookies[name] = value }

    /// Opens a page; one that is late, or whose read models are not there yet, is opened again.
    func get(_ path: String, headers: [String: String] = [:]) async throws -> Page {
        let end = ContinuousClock.now + .seconds(120)
        while true {
            let page = try await getOnce(path, headers: headers)
            guard [202, 503].contains(page.status), .now < end else { return page }
        }
    }

    /// Opens a page, whatever the answer is.
    func getOnce(_ path: String, headers: [String: String] = [:]) async throws -> Page {
        try await send("GET", path, headers: headers, body: nil)
    }

    /// Sends a form as the page it stands on would.
    func post(
        _ path: String,
        _ fields: [String: String],
        headers: [String: String] = ["Sec-Fetch-Site": "same-origin"]
    ) async throws -> Page {
        let body = fields.map { name, value in
            "\(name)=\(value.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")"
        }.joined(separator: "&")
        let type = ["Content-Type": "application/x-www-form-urlencoded"]
        return try await send("POST", path, headers: type.merging(headers) { $1 }, body: body)
    }

    private func send(
        _ method: String,
        _ path: String,
        headers: [String: String],
        body: String?
    ) async throws -> Page {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = HTTPMethod(rawValue: method)
        if !cookies.isEmpty {
            let jar = cookies.map { "\($0)=\($1)" }.joined(separator: "; ")
            request.headers.add(name: "Cookie", value: jar)
        }
        if let host { request.headers.replaceOrAdd(name: "Host", value: host) }
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let answer = try await client.execute(request, timeout: .seconds(150))
        let bytes = try await answer.body.collect(upTo: 1 << 24)
        var found: [String: String] = [:]
        for (name, value) in answer.headers { found[name.lowercased()] = value }
        if let cookie = found["set-cookie"], let pair = cookie.split(separator: ";").first {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            cookies[String(parts[0])] =
                cookie.contains("Max-Age=0") ? nil : String(parts.last ?? "")
        }
        return Page(
            status: Int(answer.status.code),
            headers: found,
            text: String(decoding: bytes.readableBytesView, as: UTF8.self)
        )
    }

    /// Reads a stream to its end.
    func stream(_ path: String) async throws -> String {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        let jar = cookies.map { "\($0)=\($1)" }.joined(separator: "; ")
        request.headers.add(name: "Cookie", value: jar)
        let answer = try await client.execute(request, timeout: .seconds(150))
        return String(buffer: try await answer.body.collect(upTo: 1 << 24))
    }

    /// Reads a stream until it has said something, and says all that it has said.
    func stream(_ path: String, until words: String) async throws -> String {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        let jar = cookies.map { "\($0)=\($1)" }.joined(separator: "; ")
        request.headers.add(name: "Cookie", value: jar)
        let answer = try await client.execute(request, timeout: .seconds(150))
        var text = ""
        for try await chunk in answer.body {
            text += String(buffer: chunk)
            if text.contains(words) { break }
        }
        return text
    }

    /// What came back.
    struct Page: Sendable {
        let status: Int
        let headers: [String: String]
        let text: String

        /// The token of the first form, but for that of signing out and of searching.
        var formToken: String { formTokens.last ?? "" }

        /// The tokens of all forms.
        var formTokens: [String] {
            text.matches(of: /name="form_token" value="([^"]+)"/).map { String($0.output.1) }
        }
    }
}
