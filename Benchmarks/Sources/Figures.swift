import Foundation

extension Duration {
    /// The duration in seconds.
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }

    /// The duration in milliseconds.
    var milliseconds: Double { seconds * 1_000 }
}

extension Collection<Double> {
    /// The middle value; of an even number the upper one of the two in the middle.
    var median: Double { isEmpty ? .nan : sorted()[count / 2] }
}

/// A number with its thousands apart.
func grouped(_ number: Double) -> String {
    let digits = String(Int(number.rounded()))
    var groups: [Substring] = []
    var rest = digits[...]
    while rest.count > 3 {
        groups.insert(rest.suffix(3), at: 0)
        rest = rest.dropLast(3)
    }
    return ([rest] + groups).joined(separator: ",")
}

/// A number with a fixed number of decimal places.
func decimal(_ number: Double, places: Int) -> String {
    String(format: "%.\(places)f", number)
}

/// Prints rows as a Markdown table, its columns aligned to the right.
func sayTable(_ titles: [String], _ rows: [[String]]) {
    let widths = titles.indices.map { column in
        ([titles] + rows).map { $0[column].count }.max() ?? 0
    }
    func line(_ cells: [String]) -> String {
        let padded = zip(cells, widths).map { cell, width in
            String(repeating: " ", count: width - cell.count) + cell
        }
        return "| " + padded.joined(separator: " | ") + " |"
    }
    say(line(titles))
    let rules = widths.map { String(repeating: "-", count: $0 + 1) + ":" }
    say("|\(rules.joined(separator: "|"))|")
    for row in rows { say(line(row)) }
}
