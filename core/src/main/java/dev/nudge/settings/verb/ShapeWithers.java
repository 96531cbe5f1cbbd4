package dev.nudge.settings.verb;

import dev.nudge.settings.Withers;
import java.util.List;

/// Withers for the shape of rows.
///
/// @param <S> the record that holds it
public interface ShapeWithers<S extends Record> extends Withers<S> {
  /// The shape of the rows, instead of recognising it.
  default S withShape(DataShape shape) {
    return with("shape", shape);
  }

  /// The row's own column names: `messages=dialog`.
  default S withColumns(String... names) {
    return with("columns", List.of(names));
  }

  /// The chat template of conversations: a file or a name.
  default S withTemplate(String template) {
    return with("template", template);
  }

  /// The SQL query whose result is the rows; the files are its table `data`.
  default S withSql(String query) {
    return with("sql", query);
  }
}
