package dev.nudge.eval.report;

import dev.nudge.format.OutFolder;
import java.nio.file.Path;

/// Writes the report of an evaluation as `report.html` and `report.md`, each complete or absent.
public final class ReportFiles {
  /// The report for a browser.
  public static final String HTML = "report.html";

  /// The report for a merge request.
  public static final String MARKDOWN = "report.md";

  private ReportFiles() {}

  /// Writes both.
  ///
  /// @throws dev.nudge.settings.RunException where the disk refuses
  public static void write(Path folder, ReportData data) {
    ReportView view = ReportView.of(data);
    OutFolder.make(folder);
    OutFolder.place(folder.resolve(MARKDOWN), MarkdownReport.of(view));
    OutFolder.place(folder.resolve(HTML), HtmlReport.of(view));
  }
}
