/// What people read, on a terminal, a page or paper: sections of facts, texts, lists and tables.
public struct Document: Sendable {
    /// What kind of document; the title of a page.
    public var title: String
    /// Whether a terminal shows the title too, where a table says by itself what it is.
    public var isTitleShown: Bool
    /// Whose, and from when to when; empty where the title says it.
    public var subtitle: String
    /// What it is about, for every page, such as an episode; empty for nothing.
    public var reference: String
    /// What a reader must not miss.
    public var notices: [String]
    /// In order.
    public var sections: [Section]

    /// Puts a document together.
    public init(
        _ title: String,
        isTitleShown: Bool = true,
        subtitle: String = "",
        reference: String = "",
        notices: [String] = [],
        _ sections: [Section]
    ) {
        self.title = title
        self.isTitleShown = isTitleShown
        self.subtitle = subtitle
        self.reference = reference
        self.notices = notices
        self.sections = sections
    }

    /// A document of one section without a heading.
    public init(
        _ title: String,
        isTitleShown: Bool = true,
        subtitle: String = "",
        _ blocks: [Block]
    ) {
        self.init(
            title,
            isTitleShown: isTitleShown,
            subtitle: subtitle,
            [Section("", blocks)]
        )
    }

    /// A heading and what stands under it.
    public struct Section: Sendable {
        /// Empty where the document's title says it.
        public var title: String
        /// By what a page's links find it; empty for its number.
        public var id: String
        /// In order.
        public var blocks: [Block]

        /// A section.
        public init(_ title: String, id: String = "", _ blocks: [Block]) {
            self.title = title
            self.id = id
            self.blocks = blocks
        }
    }

    /// A part of a section.
    public enum Block: Sendable {
        /// Labels with short values.
        case facts([Fact])
        /// A label with a text of any length.
        case text(Fact)
        /// Rows under columns.
        case table(Table)
        /// Sentences, a line each.
        case notes([String])
        /// Items with what belongs to them.
        case list(List)

        /// A sentence.
        public static func note(_ text: String) -> Block { .notes([text]) }

        /// A wide table without a caption: see ``Document/Table/wide(_:_:_:idColumn:)``.
        public static func wide(
            _ columns: [Column],
            _ rows: [[String]],
            idColumn: Int? = nil
        ) -> Block {
            .table(.wide("", columns, rows, idColumn: idColumn))
        }
    }

    /// A label and what is said under it.
    public struct Fact: Sendable {
        /// What is said.
        public var label: String
        /// A line each.
        public var lines: [String]
        /// The numbers of the events it comes from.
        public var sources: [Int]

        /// A fact.
        public init(label: String, lines: [String], sources: [Int] = []) {
            self.label = label
            self.lines = lines
            self.sources = sources
        }
    }

    /// Items under a caption.
    public struct List: Sendable {
        /// An item, and what belongs to it.
        public struct Item: Sendable {
            /// The item.
            public var text: String
            /// A line each.
            public var details: [String]

            /// An item.
            public init(_ text: String, details: [String] = []) {
                self.text = text
                self.details = details
            }
        }

        /// What the items are.
        public var caption: String
        /// In order.
        public var items: [Item]

        /// A list.
        public init(_ caption: String, _ items: [Item]) {
            self.caption = caption
            self.items = items
        }
    }

    /// A column of a table.
    public struct Column: Sendable, ExpressibleByStringLiteral {
        /// Where the cells' text stands.
        public enum Alignment: Sendable {
            /// Of words.
            case left
            /// Of numbers.
            case right
        }

        /// The heading.
        public var title: String
        /// Where the cells' text stands.
        public var alignment: Alignment

        /// A column.
        public init(_ title: String, _ alignment: Alignment = .left) {
            self.title = title
            self.alignment = alignment
        }

        /// A column of words.
        public init(stringLiteral title: String) {
            self.init(title)
        }

        /// A column of numbers.
        public static func number(_ title: String) -> Column { Column(title, .right) }
    }

    /// Rows under columns.
    public struct Table: Sendable {
        /// Empty where the section's title says it.
        public var caption: String
        /// The first column names the rows.
        public var columns: [Column]
        /// In order.
        public var rows: [Row]
        /// The sources of the table as a whole.
        public var captionSources: [Int] = []
        /// Whether the sources stand in a column of their own.
        public var hasSources: Bool
        /// The column of long ids, which are set in a fixed width.
        public var idColumn: Int?
        /// Whether a terminal shows it as wide as it is, a line for each row.
        public var isWide = false

        /// A table whose rows have sources.
        public init(
            caption: String = "",
            columns: [Column],
            rows: [Row],
            hasSources: Bool = true
        ) {
            self.caption = caption
            self.columns = columns
            self.rows = rows
            self.hasSources = hasSources
        }

        /// A list of any length, a line for each row.
        public static func wide(
            _ caption: String = "",
            _ columns: [Column],
            _ rows: [[String]],
            idColumn: Int? = nil
        ) -> Table {
            var table = Table(
                caption: caption,
                columns: columns,
                rows: rows.map { Row($0) },
                hasSources: false
            )
            table.isWide = true
            table.idColumn = idColumn
            return table
        }
    }

    /// A row of a table.
    public struct Row: Sendable {
        /// As many as columns; a cell may have lines.
        public var cells: [[String]]
        /// The numbers of the events it comes from.
        public var sources: [Int]
        /// The number by which others point here; nil but in the table of the sources.
        public var number: Int?

        /// A row whose cells have a line each.
        public init(_ cells: [String], sources: [Int] = [], number: Int? = nil) {
            self.init(lines: cells.map { [$0] }, sources: sources, number: number)
        }

        /// A row whose cells have any number of lines.
        public init(lines: [[String]], sources: [Int] = [], number: Int? = nil) {
            cells = lines
            self.sources = sources
            self.number = number
        }
    }
}

extension Document {
    /// Numbers as runs: 1, 2, 3, 7 become 1–3 and 7.
    public static func runs(_ numbers: [Int]) -> [ClosedRange<Int>] {
        var runs: [ClosedRange<Int>] = []
        for number in Set(numbers).sorted() {
            if let last = runs.last, last.upperBound + 1 == number {
                runs[runs.count - 1] = last.lowerBound...number
            } else {
                runs.append(number...number)
            }
        }
        return runs
    }

    /// Numbers as people write them: `1–3, 7`.
    public static func numbers(_ numbers: [Int]) -> String {
        runs(numbers).map { run in
            run.count == 1 ? "\(run.lowerBound)" : "\(run.lowerBound)–\(run.upperBound)"
        }.joined(separator: ", ")
    }
}
