package dev.nudge.adapter;

import dev.nudge.adapter.targets.LayerShape;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.ModelShape;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.Method;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A kind of adapter, configured: [LoraKind] has A and B, [Ia3] a vector for each layer.
///
/// A kind says which layers it changes, makes the layer of a slot, names the tensors and keys that
/// PEFT saves, and refuses what it cannot do. Everything else in this package is the same for all
/// kinds: modules saved whole, attaching and detaching, reading, checking and writing files.
public interface AdapterKind {
  /// The method that trains it.
  Method method();

  /// The name in messages.
  String shown();

  /// What selects the modules, and what is trained beside them. A kind without A and B has rank 1
  /// there.
  Lora where();

  /// This kind as it is saved: `all-linear` becomes names of the model's layers.
  AdapterKind resolved(ModelShape model);

  /// This kind with another dropout of A's inputs.
  AdapterKind withDropout(double dropout);

  /// Whether the embedding and the output head can be adapted.
  boolean adaptsEnds();

  /// Refuses layers or options that this kind does not support.
  ///
  /// @param adapted the layers that the kind selects
  /// @param subtracts whether the base loses what the adapter begins with
  /// @throws InputException in one line
  void check(ModelShape model, List<LayerShape> adapted, boolean subtracts);

  /// Warnings about the layers, one line each.
  ///
  /// @param fresh whether the adapter is new
  /// @throws InputException if a new adapter cannot have these layers
  List<String> warnings(List<LayerShape> adapted, boolean fresh);

  /// Makes the layer of a slot, without putting it there.
  ///
  /// @param base the layer that it wraps
  /// @param scale additional factor on the update; 1 where [#checkMerge] refuses others
  AdaptedLinear.Place place(
      LinearSlot slot, Linear base, double scale, ParameterMemory room, Source source);

  /// Whether each layer has A and B.
  boolean lowRank();

  /// The tensors of a layer besides A and B, with their shapes in the file.
  Map<String, List<Long>> vectors(LayerShape layer);

  /// Adds the keys of `adapter_config.json` that other kinds do not have.
  void config(Map<String, @Nullable Object> keys);

  /// Refuses a merge that would not give the weights of this adapter.
  ///
  /// @param folder of the adapter
  /// @param adapters that are merged together
  /// @param biased paths of the model's layers that have a bias
  /// @throws InputException in one line
  void checkMerge(
      Path folder, List<LayerShape> adapted, Set<String> biased, int adapters, double scale);

  /// Refuses to merge an adapter that scales the weight among others, or with a factor.
  default void checkAlone(Path folder, int adapters, double scale) {
    if (adapters > 1 || scale != 1) {
      throw new InputException(
          "adapter %s is %s, which scales the whole weight, so %s; merge it alone%s"
              .formatted(
                  folder,
                  shown(),
                  adapters > 1 ? "it does not add up with others" : "no --scale can weigh it",
                  adapters > 1 ? "" : " and without --scale"));
    }
  }

  /// The config of an adapter that has A and B.
  ///
  /// @throws InputException if this kind has none
  default Lora lora(Object adapter) {
    if (!lowRank()) {
      throw new InputException(
          "adapter %s is %s, which has no A and B; merge it into its base (nudge merge) and give the merged model"
              .formatted(adapter, shown()));
    }
    return where();
  }
}
