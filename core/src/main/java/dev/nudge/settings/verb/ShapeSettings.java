package dev.nudge.settings.verb;

import dev.nudge.settings.Check;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import dev.nudge.settings.Setting;
import dev.nudge.settings.SettingType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The shape and columns of rows, if they are not to be recognised.
///
/// @param shape null: recognised for each row
/// @param columns `NAME=COLUMN`: the column of the row that serves as NAME
/// @param sql query whose result is the rows; null: the rows of the files
/// @param template file or name of a chat template; null: the adapter's or the model's own
public record ShapeSettings(
    @Setting(
            help =
                "what a row looks like (default: recognised by its columns, and said): messages,"
                    + " sharegpt, alpaca, prompt-completion, text, preference, unpaired-preference,"
                    + " group or prompt-only",
            label = "SHAPE")
        @Nullable DataShape shape,
    @Setting(
            help =
                "the row's own names of columns, such as messages=dialog,tools=functions; may be"
                    + " given several times",
            label = "NAME=COLUMN")
        List<String> columns,
    @Setting(
            help =
                "query whose result is the rows; the files of --data are its table data; needs"
                    + " nudge install duckdb",
            label = "QUERY")
        @Nullable String sql,
    @Setting(
            help =
                "chat template of conversations: a file, or chatml, llama3, mistral, alpaca, gemma,"
                    + " vicuna, zephyr (default: the model's own)",
            label = "TEMPLATE")
        @Nullable String template) {

  /// The standard names of columns that `--columns` can map.
  public static final List<String> NAMES =
      List.of(
          "messages",
          "tools",
          "conversations",
          "instruction",
          "input",
          "output",
          "history",
          "system",
          "prompt",
          "completion",
          "chosen",
          "rejected",
          "label",
          "text");

  /// The default: rows are recognised by their columns.
  public static final ShapeSettings RECOGNISED = new ShapeSettings(null, List.of(), null, null);

  public ShapeSettings {
    columns = List.copyOf(columns);
    mapping(columns);
    Check.notBlank("--sql", sql);
    Check.notBlank("--template", template);
  }

  /// Refuses patterns beside settings with the same meaning.
  void check(@Nullable String prompt, @Nullable String completion) {
    if (prompt == null && completion == null) {
      return;
    }
    String flag = prompt != null ? "--prompt" : "--completion";
    if (shape != null && shape != DataShape.PROMPT_COMPLETION) {
      throw new InputException(
          "%s makes prompt and completion of a row, and --shape %s says that it is something else; leave one out"
              .formatted(flag, shape.shown()));
    }
    String name = prompt != null ? "prompt" : "completion";
    if (mapping().containsKey(name)) {
      throw new InputException(
          "%s and --columns %s=%s are both given; leave one out"
              .formatted(flag, name, mapping().get(name)));
    }
  }

  /// Refuses row settings without rows.
  public void checkNone() {
    if (!recognised()) {
      String flag = shape != null ? "--shape" : sql != null ? "--sql" : "--columns";
      throw new InputException(flag + " is given without rows; add --data");
    }
  }

  /// Whether rows are recognised by their columns.
  public boolean recognised() {
    return shape == null && columns.isEmpty() && sql == null;
  }

  /// The columns by their standard names, as given.
  public Map<String, String> mapping() {
    return mapping(columns);
  }

  private static Map<String, String> mapping(List<String> given) {
    Map<String, String> mapping = new LinkedHashMap<>();
    for (String several : given) {
      // a column's name may hold a comma
      for (String one : several.split(",(?=\\s*[a-z]+=)")) {
        int at = one.indexOf('=');
        String name = at < 0 ? one.strip() : one.substring(0, at).strip();
        String column = at < 0 ? "" : one.substring(at + 1).strip();
        if (column.isEmpty()) {
          throw new InputException(
              "--columns is %s; it must be NAME=COLUMN, such as messages=dialog"
                  .formatted(SettingType.shown(several)));
        }
        if (!NAMES.contains(name)) {
          throw new InputException(
              "--columns %s: a row has no %s here; there are %s%s"
                  .formatted(one.strip(), name, String.join(", ", NAMES), other(name, column)));
        }
        if (mapping.put(name, column) != null) {
          throw new InputException("--columns gives " + name + " twice; leave one out");
        }
      }
    }
    return mapping;
  }

  private static String other(String name, String column) {
    return NAMES.contains(column)
        ? "; the row's own name stands behind the sign: " + column + "=" + name
        : Nearest.hint(name, NAMES);
  }
}
