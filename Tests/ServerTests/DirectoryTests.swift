import CareEpisode
import Foundation
import Ledger
import Pages
import Synchronization
import TestSupport
import Testing

@testable import Server

@Suite("Names from the site's directory")
struct DirectoryTests {
    private static func people(_ text: String) throws -> [String: People.Person] {
        try DirectoryCSV(Array(text.utf8)).persons
    }

    @Test("A file of clients and staff, quoted, with line breaks, and with namesakes")
    func file() throws {
        let found = try Self.people(
            """
            client_id,name,preferred_name,date_of_birth,staff_id,room\r
            C-1,"Alder, Sim",,1990-01-02,,4\r
            C-2,Sim Birch,"Sim ""B"" Birch",,,\r

            C-3,"Alder, Sim",,1991-03-04,,
            ,Sim Ortiz,,,staff-1,
            """
        )
        #expect(Set(found.keys) == ["C-1", "C-2", "C-3", "staff-1"])
        #expect(
            found["C-1"]
                == .init(name: "Alder, Sim", dateOfBirth: "1990-01-02", isNamesake: true)
        )
        #expect(found["C-3"]?.isNamesake == true)
        #expect(found["C-2"] == .init(name: "Sim \"B\" Birch"))
        #expect(found["staff-1"] == .init(name: "Sim Ortiz"))
    }

    @Test(
        "A wrong file is refused with its line, and nothing of what it holds",
        arguments: [
            ("", "line 1: the file is empty"),
            ("client,name\n", "line 1: the columns must be name, and client_id or staff_id"),
            ("client_id\nC-1\n", "line 1: the columns must be name"),
            ("client_id,name\nC-1,Sim\nC-2\n", "line 3: a line has a name, and one key"),
            ("client_id,staff_id,name\nC-1,S-1,Sim\n", "line 2: a line has a name, and one key"),
            ("client_id,name\nC-1,Si\"m\n", "line 2: a quotation mark stands within a cell"),
            ("client_id,name\nC-1,\"Sim\n", "line 2: a quoted cell has no end"),
        ]
    )
    func wrong(_ text: String, _ words: String) throws {
        let error = try #require(throws: DirectoryCSV.Wrong.self) { try Self.people(text) }
        #expect(error.description.hasPrefix(words))
        #expect(!error.description.contains("C-1") && !error.description.contains("Sim"))
    }

    @Test("Pages show names and keys; no title, CSV or entry of the access log has a name")
    func shown() async throws {
        let folder = NSTemporaryDirectory() + "directory-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = "\(folder)/names.csv"
        try "client_id,name\nC-1,Sim Alder\n".write(
            toFile: path,
            atomically: true,
            encoding: .utf8
        )
        let troubles = Mutex<[String]>([])
        let directory = try Directory(path) { text in troubles.withLock { $0.append(text) } }
        try await ServiceFixture.with(directory: directory) { fixture in
            let episode = try #require(EpisodeID(UUID().uuidString.lowercased()))
            let token = try await fixture.token(.clinician, .auditor)
            let draft = SampleEvent.admitted()
            let answer = try await fixture.post(episode, [draft], token: token)
            #expect(answer.status == 201, "\(answer.text)")
            try await eventually("the census has the client") {
                let answer = try await fixture.get("census?at_least=1", token: token)
                return answer.status == 200
            }
            try await Browser.signedIn(fixture) { browser in
                let page = try await browser.get("/ledgers/default/attendance?flag=all")
                #expect(page.text.contains("Sim Alder"))
                #expect(page.text.contains("C-1"))
                #expect(!page.text.contains("<title>Sim"))
                let csv = try await browser.get("/ledgers/default/attendance?format=csv")
                #expect(csv.text.contains("C-1"))
                #expect(!csv.text.contains("Alder"))
                let search = try await browser.post(
                    "/ledgers/default/search",
                    ["form_token": page.formTokens[0], "q": "alde"]
                )
                #expect(search.status == 303)
                #expect(search.headers["location"]?.hasSuffix("/episodes/\(episode)") == true)
                // While the file is away keys stand alone, and the page says so.
                try FileManager.default.removeItem(atPath: path)
                try await eventually("names are away") {
                    try await browser.get("/ledgers/default/attendance?flag=all").text
                        .contains("Names are away")
                }
            }
            let log = try await fixture.get("access-log", token: token)
            #expect(log.text.contains("with names"))
            #expect(!log.text.contains("Alder"))
            #expect(!log.text.contains("alde"))
        }
        #expect(troubles.withLock { $0.contains("the directory cannot be read") })
        #expect(troubles.withLock { $0.allSatisfy { !$0.contains("Alder") } })
    }
}
