public import ArgumentParser
public import CareEpisode
import Glibc
import Postgres

/// Where the ledger is and how results are printed: the options of every command.
struct LedgerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            The PostgreSQL database, as a URL or conninfo string; without it, a private cluster \
            in the data folder. (EPISODE_LEDGER_DATABASE_URL)
            """,
            valueName: "url"
        )
    )
    var database: String?

    @Option(
        help: ArgumentHelp(
            """
            The folder of the private cluster. (EPISODE_LEDGER_DATA_DIR; default: .episode-ledger)
            """,
            valueName: "folder"
        ),
        completion: .directory
    )
    var dataDir: String?

    @Flag(
        help: """
            The database is behind a pooler in transaction mode: no named statements, no session \
            state, no notifications. (EPISODE_LEDGER_TRANSACTION_POOLING=1)
            """
    )
    var transactionPooling = false

    @Option(
        help: ArgumentHelp(
            "The ledger's name. (EPISODE_LEDGER_LEDGER; default: default)",
            valueName: "name"
        )
    )
    var ledger: LedgerName?

    @Option(
        help: """
            How results are printed. (EPISODE_LEDGER_FORMAT; default: text on a terminal, json \
            elsewhere)
            """
    )
    var format: FormatOption?

    @Option(
        help: ArgumentHelp(
            """
            A JSON file with settings, named as the variables are without EPISODE_LEDGER_, in \
            lower case: {"port": 8081}. Options and variables beat it. (EPISODE_LEDGER_CONFIG)
            """,
            valueName: "file"
        ),
        completion: .file()
    )
    var config: String?

    func validate() throws {
        // Read here, so that a wrong variable is told like a wrong option.
        _ = try ledgerName
        // A page and a list are for the commands that make them, and refused where a session begins.
        if format != .html, format != .csv { _ = try outputFormat }
        guard let databaseURL else { return }
        do {
            _ = try PostgresConfiguration(url: databaseURL)
        } catch {
            let source = database == nil ? Setting.databaseURL.place : "--database"
            throw ValidationError("\(source): \(error)")
        }
    }

    var databaseURL: String? { database ?? Setting.databaseURL.value }

    var dataDirectory: String {
        dataDir ?? Setting.dataDirectory.value ?? ".episode-ledger"
    }

    var usesTransactionPooling: Bool {
        transactionPooling || Setting.transactionPooling.isOn
    }

    var ledgerName: LedgerName {
        get throws {
            if let ledger { return ledger }
            guard let text = Setting.ledger.value else { return .default }
            guard let name = LedgerName(text) else {
                throw ValidationError("\(Setting.ledger.place) is not a ledger's name")
            }
            return name
        }
    }

    var outputFormat: OutputFormat {
        get throws {
            switch format {
            case .json: return .json
            case .text: return .text
            case .html:
                throw ValidationError("--format html is for questions to read models, and status")
            case .csv:
                throw ValidationError("--format csv is for questions that are answered by a list")
            case nil: break
            }
            guard let text = Setting.format.value else {
                return isatty(STDOUT_FILENO) == 1 ? .text : .json
            }
            guard let format = OutputFormat(rawValue: text) else {
                throw ValidationError("\(Setting.format.place) must be json or text")
            }
            return format
        }
    }
}

/// How results are printed.
enum OutputFormat: String, CaseIterable {
    case json, text

    /// Prints an answer, as one JSON object or as lines for people.
    func print(_ json: AnswerJSON, _ lines: () -> [String]) {
        switch self {
        case .json: Console.print(json.bytes)
        case .text: for line in lines() { Console.print(line) }
        }
    }
}

/// What `--format` takes.
enum FormatOption: String, ExpressibleByArgument {
    case json, text
    /// Only of what people read.
    case html
    /// Only of lists.
    case csv

    /// Those that every command takes.
    static var allValueStrings: [String] { OutputFormat.allCases.map(\.rawValue) }
}

extension LedgerName: ExpressibleByArgument {
    /// Reads an option.
    public init?(argument: String) {
        self.init(argument)
    }
}

extension Cursor: ExpressibleByArgument {
    /// Reads an option.
    public init?(argument: String) {
        self.init(argument)
    }
}

extension EpisodeID: ExpressibleByArgument {
    /// Reads an option.
    public init?(argument: String) {
        self.init(argument)
    }
}

extension CalendarDate: ExpressibleByArgument {
    /// Reads an option.
    public init?(argument: String) {
        self.init(iso8601: argument)
    }
}
