package dev.nudge.data.rows;

import dev.nudge.settings.Count;
import dev.nudge.settings.verb.DataShape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Counts of the recognised shapes of rows.
///
/// @param counts rows of each shape
/// @param withTools rows that have tools
/// @param spoken rows that are conversations and go through a chat template
public record SeenShapes(Map<DataShape, Integer> counts, int withTools, int spoken) {

  /// The most frequent shape; text if there is no row.
  public DataShape most() {
    return counts.entrySet().stream()
        .max(Map.Entry.comparingByValue())
        .map(Map.Entry::getKey)
        .orElse(DataShape.TEXT);
  }

  /// Rows of shapes that are conversations.
  public int conversations() {
    return counts.getOrDefault(DataShape.MESSAGES, 0)
        + counts.getOrDefault(DataShape.SHAREGPT, 0)
        + counts.getOrDefault(DataShape.ALPACA, 0);
  }

  /// `messages (90 rows), text (10 rows); 12 rows with tools`.
  @Override
  public String toString() {
    List<String> shapes = new ArrayList<>();
    counts.entrySet().stream()
        .sorted(Comparator.comparingInt(entry -> -entry.getValue()))
        .forEach(
            entry ->
                shapes.add(
                    entry.getKey().shown()
                        + (counts.size() == 1
                            ? ""
                            : " (" + Count.of(entry.getValue(), "row") + ")")));
    String tools = withTools == 0 ? "" : "; " + Count.of(withTools, "row") + " with tools";
    return String.join(", ", shapes) + tools;
  }

  /// Collects the shapes of rows, one row after the other.
  public static final class Tally {
    private final Map<DataShape, Integer> counts = new EnumMap<>(DataShape.class);
    private int withTools;
    private int spoken;
    private @Nullable String system;
    private boolean sameSystem = true; // all conversations so far begin with that message

    /// @param shape of the row that the content is of
    public void add(RowShape.Content content, DataShape shape) {
      counts.merge(shape, 1, Integer::sum);
      boolean tools =
          switch (content) {
            case RowShape.Content.Conversation row -> row.tools() != null;
            case RowShape.Content.ChatAnswer row -> row.tools() != null;
            case RowShape.Content.Answer _, RowShape.Content.Text _ -> false;
          };
      withTools += tools ? 1 : 0;
      boolean text =
          content instanceof RowShape.Content.Answer || content instanceof RowShape.Content.Text;
      spoken += text ? 0 : 1;
      switch (content) {
        case RowShape.Content.Conversation row -> addSystem(Messages.system(row.messages()));
        case RowShape.Content.ChatAnswer row -> addSystem(Messages.system(row.prompt()));
        case RowShape.Content.Answer _, RowShape.Content.Text _ -> {}
      }
    }

    private void addSystem(@Nullable String said) {
      sameSystem &= said != null && (system == null || system.equals(said));
      system = sameSystem ? said : null;
    }

    /// The system message that all conversations begin with; null: there is none.
    public @Nullable String system() {
      return system;
    }

    public SeenShapes shapes() {
      return new SeenShapes(Collections.unmodifiableMap(new EnumMap<>(counts)), withTools, spoken);
    }
  }
}
