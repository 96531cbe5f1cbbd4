package dev.nudge.data;

import dev.nudge.settings.DataSettings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Holds the prompts of rows that are to be completed; the rows need no completion.
///
/// @param prompts in the order of the files
/// @param badRows number of rows that were set aside
/// @param firstBadRows the first of them, up to 20
public record Prompts(List<Prompt> prompts, int badRows, List<BadRow> firstBadRows) {

  /// One prompt and its place.
  ///
  /// @param index number of its row among the non-blank lines of all files, from 0
  /// @param line number of its line in the file, from 1
  public record Prompt(int index, Path file, int line, String text) {}

  public Prompts {
    prompts = List.copyOf(prompts);
    firstBadRows = List.copyOf(firstBadRows);
  }

  /// Reads prompts: the pattern of the settings, else the column `prompt`.
  ///
  /// @throws dev.nudge.settings.InputException as [Dataset#load] does
  public static Prompts load(DataSettings data) {
    RowShape shape = RowShape.of(data);
    List<Prompt> prompts = new ArrayList<>();
    BadRows bad = new BadRows();
    try (RowReader reader = RowReader.open(data.data())) {
      List<SourceLine> lines = reader.next(1);
      for (; !lines.isEmpty(); lines = reader.next(1)) {
        SourceLine line = lines.getFirst();
        try {
          String text = shape.prompt(Row.parse(line.text()));
          prompts.add(new Prompt(line.index(), line.file(), line.number(), text));
        } catch (BadRowException e) {
          bad.add(line.bad(e));
        }
      }
    }
    bad.check(prompts.size() + bad.count(), data.skipBadRows(), data.data());
    return new Prompts(prompts, bad.count(), bad.first());
  }
}
