package dev.nudge.eval.report;

import dev.nudge.format.OutFolder;
import java.nio.file.Path;

/// Writes `report.html` and `report.md`, each complete or absent.
public final class ReportFiles {
  /// File name of the HTML report.
  public static final String HTML = "report.html";

  /// File name of the Markdown report.
  public static final String MARKDOWN = "report.md";

  private ReportFiles() {}

  /// Writes both files.
  ///
  /// @throws dev.nudge.settings.RunException on an I/O error
  public static void write(Path folder, ReportData data) {
    ReportView view = ReportView.of(data);
    OutFolder.make(folder);
    OutFolder.place(folder.resolve(MARKDOWN), MarkdownReport.of(view));
    OutFolder.place(folder.resolve(HTML), HtmlReport.of(view));
  }
}
