package dev.nudge.registry;

import java.nio.file.Path;

/// The files beside the folder of a run on the rows of a table or query.
///
/// @param rows as JSON lines, which the run reads
/// @param source the query, and the versions of its tables
public record QueryFiles(Path rows, Path source) {
  /// Names the files of a run.
  ///
  /// @param out its folder
  public static QueryFiles of(Path out) {
    Path whole = out.toAbsolutePath();
    return new QueryFiles(
        whole.resolveSibling(whole.getFileName() + ".rows.jsonl"),
        whole.resolveSibling(whole.getFileName() + ".source.json"));
  }
}
