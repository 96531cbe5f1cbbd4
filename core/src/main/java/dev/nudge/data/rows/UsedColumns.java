package dev.nudge.data.rows;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The columns that the rows use, and those that they do not.
///
/// @param prompt columns of the prompt, which is not trained
/// @param trained columns of the trained text
/// @param unused columns that no row uses
public record UsedColumns(List<String> prompt, List<String> trained, List<String> unused) {
  private static final int SHOWN = 20;

  /// `prompt: text; trained: label; unused: id`, parts without columns left out.
  @Override
  public String toString() {
    List<String> parts = new ArrayList<>();
    add(parts, "prompt: ", prompt);
    add(parts, "trained: ", trained);
    add(parts, "unused: ", unused);
    return String.join("; ", parts);
  }

  private static void add(List<String> parts, String name, List<String> columns) {
    if (!columns.isEmpty()) {
      String more = columns.size() > SHOWN ? ", …" : "";
      parts.add(
          name + String.join(", ", columns.subList(0, Math.min(SHOWN, columns.size()))) + more);
    }
  }

  /// Collects the columns of rows, one row after the other.
  public static final class Tally {
    private static final int MOST = 1_000; // names: in some data they are not columns but values

    private final RowShape shape;
    private final Set<String> prompt = new LinkedHashSet<>();
    private final Set<String> trained = new LinkedHashSet<>();
    private final Set<String> all = new LinkedHashSet<>();
    private @Nullable Set<String> last; // most rows have the columns of the row before
    private @Nullable List<String> lastTrained;

    public Tally(RowShape shape) {
      this.shape = shape;
    }

    public void add(RowShape.Content content, Set<String> names) {
      PreferenceShape compared = shape.preferences();
      List<String> columns =
          compared == null ? shape.trainedColumns(content) : compared.comparedColumns();
      if (columns.equals(lastTrained) && names.equals(last)) {
        return;
      }
      lastTrained = columns;
      last = names;
      (compared == null ? shape.promptColumns(content) : compared.promptColumns())
          .stream().filter(names::contains).forEach(prompt::add);
      columns.stream().filter(names::contains).forEach(trained::add);
      names.stream().limit(MOST - all.size()).forEach(all::add);
    }

    public UsedColumns columns() {
      List<String> unused =
          all.stream().filter(c -> !prompt.contains(c) && !trained.contains(c)).toList();
      return new UsedColumns(List.copyOf(prompt), List.copyOf(trained), unused);
    }
  }
}
