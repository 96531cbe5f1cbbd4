package dev.nudge.quant;

import dev.nudge.format.WeightFile;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.PageAdvice;
import dev.nudge.tensor.Scope;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// A format of integer codes in groups: each layer is read from its file's order into a [Grouped].
/// Formats with equal names and weight forms are equal.
///
/// Threading: immutable.
abstract sealed class GroupedFormat implements WeightFormat
    permits GptqFormat, AwqFormat, PackedFormat {
  private static final String BITS = "bits";
  private static final String GROUP = "group_size";
  private static final String ORDERED = "act_order";

  final Schemes schemes;
  private final Forms forms;

  /// The forms of a folder's weights: the default, and those of known layers.
  record Forms(Grouped.Form most, Map<String, Grouped.Form> layers) {}

  GroupedFormat(Schemes schemes, Forms forms) {
    this.schemes = schemes;
    this.forms = forms;
  }

  /// The form of the weights that a config declares.
  static Forms declared(Schemes schemes, boolean ordered) {
    Scheme all = schemes.all();
    int group = all.group() <= 0 ? Integer.MAX_VALUE : all.group();
    return new Forms(new Grouped.Form(all.bits() == 0 ? 4 : all.bits(), group, ordered), Map.of());
  }

  /// Returns this format with other forms.
  abstract GroupedFormat with(Forms forms);

  /// The form of a layer's weight, by its tensors' sizes and its groups' order.
  ///
  /// @throws InputException if they do not fit the config
  abstract Grouped.Form form(LayerParts layer);

  /// Reads a weight's rows and columns from its file; null if the file lacks them.
  abstract long @Nullable [] shape(WeightFile file, String path);

  @Override
  public WeightFormat in(WeightFile file, Collection<String> paths) {
    Map<String, Grouped.Form> layers = new LinkedHashMap<>();
    for (String path : paths) {
      long[] shape = shape(file, path);
      if (shape == null) {
        return this;
      }
      try {
        int rows = (int) shape[0];
        int cols = (int) shape[1];
        layers.put(path, form(new LayerParts(file, name(), path, rows, cols)));
      } catch (InputException e) {
        return this; // opening the layer with the model's shape reports the error
      }
    }
    return paths.isEmpty()
        ? this
        : with(new Forms(most(layers.values().iterator().next()), layers));
  }

  /// Makes the first layer's form the default, with the config's group if set.
  private Grouped.Form most(Grouped.Form first) {
    int said = schemes.all().group();
    int group = said == Scheme.ALL ? Integer.MAX_VALUE : said == 0 ? first.group() : said;
    return new Grouped.Form(first.bits(), group, first.ordered());
  }

  @Override
  public abstract StoredGroups open(WeightFile file, String path, int rows, int cols);

  @Override
  public String shown() {
    return forms.most.bits() + "-bit " + name();
  }

  @Override
  public Map<String, Object> variant() {
    boolean all = forms.most.group() == Integer.MAX_VALUE;
    return new TreeMap<>( // sorted, for `nudge.json`
        Map.of(
            BITS,
            forms.most.bits(),
            GROUP,
            all ? Scheme.ALL : forms.most.group(),
            ORDERED,
            forms.most.ordered()));
  }

  @Override
  public WeightFormat in(Map<String, ?> variant) {
    int bits = variant.get(BITS) instanceof Number n ? n.intValue() : forms.most.bits();
    int group = variant.get(GROUP) instanceof Number n ? n.intValue() : Scheme.ALL;
    Grouped.Form most =
        new Grouped.Form(
            Math.clamp(bits, 1, 8),
            group < 1 ? Integer.MAX_VALUE : group,
            Boolean.TRUE.equals(variant.get(ORDERED)));
    return with(new Forms(most, Map.of()));
  }

  @Override
  public boolean holdsEnds() {
    return true;
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
  public StoredWeight dry(String path, int rows, int cols) {
    return Grouped.dry(rows, cols, forms.layers.getOrDefault(path, forms.most));
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof GroupedFormat that
        && name().equals(that.name())
        && forms.most.equals(that.forms.most);
  }

  @Override
  public int hashCode() {
    return 31 * name().hashCode() + forms.most.hashCode();
  }
}
