package dev.nudge.quant;

import dev.nudge.format.WeightFile;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.PageAdvice;
import dev.nudge.tensor.Scope;
import java.util.Collection;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A format whose layers are integer codes in groups: read from its file's own order into a
/// [Grouped] each. Two are equal if their names and the forms of their weights are.
///
/// Threading: immutable.
abstract sealed class GroupedFormat implements WeightFormat
    permits GptqFormat, AwqFormat, PackedFormat {
  private static final String BITS = "bits";
  private static final String GROUP = "group_size";
  private static final String ORDERED = "act_order";

  final Schemes schemes;
  private final Grouped.Form form;

  /// @param form of most layers
  GroupedFormat(Schemes schemes, Grouped.Form form) {
    this.schemes = schemes;
    this.form = form;
  }

  /// The form of the weights that a config declares.
  static Grouped.Form form(Schemes schemes, boolean ordered) {
    Scheme all = schemes.all();
    return new Grouped.Form(
        all.bits() == 0 ? 4 : all.bits(), all.group() <= 0 ? Integer.MAX_VALUE : all.group(), ordered);
  }

  /// Returns this format with another form.
  abstract GroupedFormat with(Grouped.Form form);

  /// The rows and columns of a layer's weight, by its file; null if that does not say.
  abstract long @Nullable [] shape(WeightFile file, String path);

  @Override
  public WeightFormat in(WeightFile file, Collection<String> paths) {
    for (String path : paths) {
      long[] shape = shape(file, path);
      if (shape != null) {
        return in(file, path, (int) shape[0], (int) shape[1]);
      }
    }
    return this;
  }

  private WeightFormat in(WeightFile file, String path, int rows, int cols) {
    try {
      Grouped.Form found = open(file, path, rows, cols).form();
      int said = schemes.of(path).group();
      int group = said > 0 ? said : found.group() == cols ? Integer.MAX_VALUE : found.group();
      return with(new Grouped.Form(found.bits(), group, found.ordered()));
    } catch (InputException e) {
      return this; // what is wrong is told by who opens the layer with the model's shape
    }
  }

  @Override
  public abstract StoredGroups open(WeightFile file, String path, int rows, int cols);

  @Override
  public String shown() {
    return form.bits() + "-bit " + name();
  }

  @Override
  public Map<String, Object> variant() {
    boolean all = form.group() == Integer.MAX_VALUE;
    return Map.of(
        BITS, form.bits(), GROUP, all ? Scheme.ALL : form.group(), ORDERED, form.ordered());
  }

  @Override
  public WeightFormat in(Map<String, ?> variant) {
    int bits = variant.get(BITS) instanceof Number n ? n.intValue() : form.bits();
    int group = variant.get(GROUP) instanceof Number n ? n.intValue() : Scheme.ALL;
    return with(
        new Grouped.Form(
            Math.clamp(bits, 1, 8),
            group < 1 ? Integer.MAX_VALUE : group,
            Boolean.TRUE.equals(variant.get(ORDERED))));
  }

  @Override
  public boolean inPlace() {
    return false;
  }

  @Override
  public StoredWeight load(WeightFile file, String path, int rows, int cols, Scope scope) {
    StoredGroups stored = open(file, path, rows, cols);
    Grouped weight = Grouped.in(scope, rows, cols, stored.form());
    stored.fill(0, weight);
    for (String part : parts(path)) {
      if (file.names().contains(part)) {
        PageAdvice.drop(file.bytes(part));
      }
    }
    return weight;
  }

  @Override
  public Dtype before(WeightFile file, String path, int rows, int cols) {
    return open(file, path, rows, cols).scaleType();
  }

  @Override
  public StoredWeight dry(int rows, int cols) {
    return Grouped.dry(rows, cols, form);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof GroupedFormat that
        && name().equals(that.name())
        && form.equals(that.form);
  }

  @Override
  public int hashCode() {
    return 31 * name().hashCode() + form.hashCode();
  }
}
