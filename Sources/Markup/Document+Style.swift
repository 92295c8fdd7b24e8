import Documents

extension Document {
    /// Prints on A4 and on Letter: nothing depends on the size of the page or on colour.
    static let css: StaticString = """

        @page {
          margin: 18mm 16mm 20mm;
          @bottom-right { content: counter(page) " / " counter(pages); font: 8pt sans-serif; }
        }
        * { box-sizing: border-box; }
        html { font: 10.5pt/1.45 "Helvetica Neue", Arial, "Liberation Sans", sans-serif; }
        body { margin: 0; color: #111; background: #fff; overflow-wrap: break-word; }
        main { max-width: 52rem; margin: 0 auto; padding: 1.5rem 1rem; }
        header { border-bottom: 2px solid #111; padding-bottom: 0.6rem; }
        h1 { font-size: 1.75em; line-height: 1.2; margin: 0 0 0.2rem; }
        h2 { font-size: 1.15em; line-height: 1.3; margin: 1.6rem 0 0.4rem;
          border-bottom: 1px solid #777; break-after: avoid; }
        h3 { font-size: 1em; margin: 0.7rem 0 0.1rem; break-after: avoid; }
        p { margin: 0 0 0.4rem; orphans: 3; widows: 3; }
        .subtitle { font-size: 1.1em; margin: 0; }
        .episode { color: #444; margin: 0; font-size: 0.9em; }
        .notices { list-style: none; margin: 0.5rem 0 0; padding: 0; }
        .notices li { display: inline-block; border: 1.5px solid #111; font-weight: bold;
          padding: 0.1rem 0.5rem; margin: 0 0.4rem 0.2rem 0; }
        .note { color: #444; margin: 0.5rem 0; }
        table { border-collapse: collapse; width: 100%; margin: 0.5rem 0 0.9rem; }
        caption { text-align: left; font-weight: bold; padding: 0.3rem 0; break-after: avoid; }
        thead { display: table-header-group; }
        tr, .short { break-inside: avoid; }
        thead, tbody tr:first-child:not(:last-child) { break-after: avoid; }
        tbody tr:first-child { break-before: avoid; }
        th, td { text-align: left; vertical-align: top; padding: 0.2rem 0.9rem 0.2rem 0;
          font-weight: normal; }
        th:last-child, td:last-child { padding-right: 0; }
        thead th { font-size: 0.85em; font-weight: bold; border-bottom: 1px solid #111;
          vertical-align: bottom; }
        .list tbody th { font-weight: bold; }
        .time, .marks a { white-space: nowrap; }
        .list tbody tr, .sources tbody tr { border-bottom: 1px solid #ccc; }
        .list td, .list th { overflow-wrap: anywhere; min-width: 6rem; }
        .list th:first-child { min-width: 8.5rem; }
        .facts { break-inside: avoid; }
        .facts th { width: 13rem; color: #444; }
        .facts td { overflow-wrap: anywhere; }
        .list .events { width: 5rem; min-width: 4rem; }
        .sources { font-size: 0.82em; }
        .sources td, .sources th { white-space: nowrap; }
        .sources .number { text-align: right; width: 2.5rem; }
        .id { font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 0.92em; }
        .marks { font-size: 0.72em; line-height: 0; margin-left: 0.25em; }
        .events .marks { font-size: 0.85em; line-height: inherit; vertical-align: baseline;
          margin: 0; }
        a { color: inherit; text-decoration: none; }
        a:hover, a:focus { text-decoration: underline; }
        tr:target { outline: 2px solid #111; }
        @media print {
          html { font-size: 9.5pt; }
          main { max-width: none; padding: 0; }
        }
        @media screen and (max-width: 40rem) {
          .list, .sources { display: block; overflow-x: auto; }
          .facts th { width: 9rem; }
        }

        """
}
