package dev.nudge.settings;

import java.util.List;

/// Changes what rows look like.
///
/// @param <S> the record that holds it
public interface ShapeWithers<S extends Record> extends Withers<S> {
  /// What a row looks like, instead of recognising it.
  default S withShape(DataShape shape) {
    return with("shape", shape);
  }

  /// The row's own names of columns: `messages=dialog`.
  default S withColumns(String... names) {
    return with("columns", List.of(names));
  }

  /// The chat template of conversations: a file or a name.
  default S withTemplate(String template) {
    return with("template", template);
  }

  /// The query whose result is the rows; the files are its table `data`.
  default S withSql(String query) {
    return with("sql", query);
  }
}
