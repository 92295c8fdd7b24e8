/// A summary as people read it: sections of facts, texts and tables, each with the numbers of the
/// events it comes from.
struct SummaryDocument {
    /// What kind of document.
    var title: String
    /// Whose, and from when to when.
    var subtitle: String
    /// The episode, for every page.
    var episode: String
    /// What a reader must not miss.
    var notices: [String]
    /// In order.
    var sections: [Section]
    /// What the document rests on.
    var basis: [Fact]
    /// The events, by their numbers.
    var sources: Table

    /// A heading and what stands under it.
    struct Section {
        var title: String
        var blocks: [Block]
    }

    /// A part of a section.
    enum Block {
        /// Labels with short values.
        case facts([Fact])
        /// A label with a text of any length.
        case text(Fact)
        /// Rows under columns.
        case table(Table)
        /// A sentence.
        case note(String)
    }

    /// A label and what is said under it.
    struct Fact {
        var label: String
        /// A line each.
        var lines: [String]
        var sources: [Int]
    }

    /// Rows under columns.
    struct Table {
        /// Empty where the section's title says it.
        var caption: String
        /// The first column names the rows.
        var columns: [String]
        var rows: [Row]
        /// The sources of the table as a whole.
        var captionSources: [Int] = []
        /// Whether the sources stand in a column of their own; the table of the sources has none.
        var hasSources = true
        /// The column of long ids, which are set in a fixed width.
        var idColumn: Int?
    }

    /// A row of a table.
    struct Row {
        /// As many as columns; a cell may have lines.
        var cells: [[String]]
        var sources: [Int]
        /// The number by which others point here; nil but in the table of the sources.
        var number: Int?

        init(_ cells: [String], sources: [Int] = [], number: Int? = nil) {
            self.init(lines: cells.map { [$0] }, sources: sources, number: number)
        }

        init(lines: [[String]], sources: [Int] = [], number: Int? = nil) {
            cells = lines
            self.sources = sources
            self.number = number
        }
    }
}

extension SummaryDocument {
    /// Numbers as runs: 1, 2, 3, 7 become 1–3 and 7.
    static func runs(_ numbers: [Int]) -> [ClosedRange<Int>] {
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
    static func numbers(_ numbers: [Int]) -> String {
        runs(numbers).map { run in
            run.count == 1 ? "\(run.lowerBound)" : "\(run.lowerBound)–\(run.upperBound)"
        }.joined(separator: ", ")
    }
}
