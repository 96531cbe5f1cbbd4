package dev.nudge.merge;

import dev.nudge.adapter.Adapters;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.adapter.targets.LayerShape;
import dev.nudge.adapter.targets.ModelShape;
import dev.nudge.identity.Identity;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.StreamedLm;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.Modules;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.MergeSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Stacks adapters, the first lowest, and loads them layer by layer.
final class AdapterStack implements StreamedLm.Dressing, AutoCloseable {
  private record Part(PeftAdapter adapter, Set<String> paths, double scale) {}

  private final List<Part> parts = new ArrayList<>();
  private final ModelShape model;
  private final Dtype compute;

  private AdapterStack(ModelShape model, Dtype compute) {
    this.model = model;
    this.compute = compute;
  }

  /// Opens the adapters of a merge and checks them against the model.
  ///
  /// @param base the base model
  /// @param compute type in which A and B are multiplied
  /// @throws dev.nudge.settings.InputException if an adapter is not for this model
  static AdapterStack open(
      MergeSettings settings, Identity.Model base, ModelConfig config, Dtype compute) {
    List<Path> folders = settings.adapter().stream().map(Path::of).toList();
    return open(folders, settings.scales(), base, settings.model().anyBase(), config, compute);
  }

  /// Opens adapters with scale factors and checks them against the model.
  ///
  /// @param anyBase whether an adapter's `nudge.json` may be unreadable
  static AdapterStack open(
      List<Path> folders,
      List<Double> scales,
      Identity.Model base,
      boolean anyBase,
      ModelConfig config,
      Dtype compute) {
    Modules places = Checkpoint.places(config);
    ModelShape model = ModelShape.of(places);
    Set<String> biased = new HashSet<>();
    places.linears().stream()
        .filter(slot -> slot.linear().bias() != null)
        .forEach(slot -> biased.add(slot.path()));
    AdapterStack stack = new AdapterStack(model, compute);
    try {
      for (int i = 0; i < folders.size(); i++) {
        PeftAdapter adapter = PeftAdapter.open(folders.get(i));
        Set<String> paths = new TreeSet<>();
        stack.parts.add(new Part(adapter, paths, scales.get(i)));
        adapter.carry(Identity.folded(adapter.folder(), base, anyBase));
        if (adapter.extras().score()) {
          throw new InputException(
              "adapter %s is a reward model, whose score head no model folder holds; nudge score takes it as it is"
                  .formatted(adapter.folder()));
        }
        List<LayerShape> adapted = adapter.fit(model);
        adapted.forEach(shape -> paths.add(shape.path()));
        adapter.kind().checkMerge(adapter.folder(), adapted, biased, folders.size(), scales.get(i));
        if (adapter.holdsWhole() && folders.size() > 1) {
          throw new InputException(
              "adapter %s holds whole modules or rows of tokens, which stand for themselves; merge it alone"
                  .formatted(adapter.folder()));
        }
        if (adapter.holdsWhole() && scales.get(i) != 1) {
          throw new InputException(
              "adapter %s holds whole modules or rows of tokens, which no --scale can weigh; leave it out"
                  .formatted(adapter.folder()));
        }
      }
      return stack;
    } catch (RuntimeException | Error e) {
      stack.close();
      throw e;
    }
  }

  /// Returns these adapters in another compute type; this stack closes them.
  AdapterStack in(Dtype other) {
    AdapterStack stack = new AdapterStack(model, other);
    stack.parts.addAll(parts);
    return stack;
  }

  @Override
  public void put(Modules part, Scope scope) {
    for (Part each : parts) {
      Adapters.stack(part, each.paths, each.adapter, each.scale, compute, scope);
    }
  }

  /// Whether any adapter holds whole modules or token rows.
  boolean holdsWhole() {
    return parts.stream().anyMatch(part -> part.adapter.holdsWhole());
  }

  /// The ids of token rows that adapters train, and of tokens that they add to the vocabulary.
  List<Integer> tokens() {
    Set<Integer> ids = new TreeSet<>();
    for (Part part : parts) {
      part.adapter.extras().tokens().values().forEach(ids::addAll);
      IntStream.range(model.tokens(), part.adapter.vocabulary(model)).forEach(ids::add);
    }
    return List.copyOf(ids);
  }

  /// The tokenizer of the first adapter that has one; null: the model's own.
  @Nullable Path tokenizer() {
    return parts.stream()
        .map(part -> part.adapter.tokenizer())
        .filter(Objects::nonNull)
        .findFirst()
        .orElse(null);
  }

  @Override
  public void close() {
    parts.forEach(part -> part.adapter.close());
  }
}
