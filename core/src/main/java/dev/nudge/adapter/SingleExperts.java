package dev.nudge.adapter;

import dev.nudge.adapter.PeftFiles.Saved;
import dev.nudge.adapter.targets.ExpertPaths;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.ModelShape;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/// An adapter with its experts one by one, as PEFT had them before 0.18 and vLLM reads them.
///
/// Exact: gate and up share A and have the halves of B. Such a config has one rank and no patterns,
/// so it is the largest; smaller A and B are filled with zeros, and another scale goes into B.
/// Modules have the names of the model's files.
///
/// @param places of an adapter with experts
/// @param shape of the model
record SingleExperts(List<Placement> places, ModelShape shape) {
  /// @throws InputException if A and B are on the embedding, whose rank is another one
  static SingleExperts of(List<Placement> places, ModelShape shape) {
    if (places.stream().anyMatch(EmbeddingPlace.class::isInstance)) {
      throw new InputException(
          "--expert-adapters per-expert does not go with embed_tokens in --targets; leave one out");
    }
    if (places.stream().anyMatch(SingleExperts::inTurns)) {
      throw new InputException(
          "--expert-adapters per-expert does not go with experts whose gate and up are one matrix"
              + " (gpt-oss); leave it out");
    }
    return new SingleExperts(places, shape);
  }

  private static boolean inTurns(Placement place) {
    return place instanceof LoraPlace lora
        && lora.path().endsWith("." + ExpertPaths.GATE_UP)
        && lora.slot().weights().size() == 1;
  }

  private int rank() {
    return places.stream()
        .filter(LoraPlace.class::isInstance)
        .mapToInt(place -> ((LoraPlace) place).made().lora().rank())
        .max()
        .orElseThrow();
  }

  /// Numbers of the tensors.
  long numbers() {
    try (Scope scope = Scope.measuring()) {
      return tensors(scope).values().stream().mapToLong(Saved::elements).sum();
    }
  }

  /// The tensors to save, by name.
  ///
  /// @param scope owns those that are not of A and B
  Map<String, Saved> tensors(Scope scope) {
    Map<String, Saved> tensors = new LinkedHashMap<>();
    double scaling = scaling();
    int rank = rank();
    for (Placement place : places) {
      if (!(place instanceof LoraPlace lora)) {
        place.tensors(scope).forEach((name, tensor) -> tensors.put(name, Saved.of(tensor)));
        continue;
      }
      List<String> paths = paths(lora);
      Tensor a = lora.a().master();
      Tensor b = lora.b().master();
      int each = b.rows() / paths.size();
      double factor = lora.made().lora().scaling() / scaling;
      for (int i = 0; i < paths.size(); i++) {
        Tensor own = b.rows(i * each, (i + 1) * each);
        tensors.put(PeftFiles.nameOfA(paths.get(i)), wide(a, rank, a.cols(), 1));
        tensors.put(PeftFiles.nameOfB(paths.get(i)), wide(own, each, rank, factor));
      }
    }
    return tensors;
  }

  private Set<String> adapted() {
    Set<String> paths = new LinkedHashSet<>();
    places.stream().filter(LoraPlace.class::isInstance).forEach(place -> paths.add(place.path()));
    return paths;
  }

  private double scaling() {
    return places.stream()
        .filter(LoraPlace.class::isInstance)
        .mapToDouble(place -> ((LoraPlace) place).made().lora().scaling())
        .findFirst()
        .orElseThrow();
  }

  private static Saved wide(Tensor from, int rows, int cols, double factor) {
    return new Saved(
        new long[] {rows, cols},
        scope -> {
          Tensor wide = scope.tensor(from.dtype(), rows, cols);
          ParameterMemory.copy(from, wide.rows(0, from.rows()).cols(0, from.cols()));
          if (factor != 1) {
            ParameterMemory.scale(wide, factor);
          }
          return wide;
        });
  }

  /// The paths of the modules that an update is of: for experts as files name them.
  private static List<String> paths(LoraPlace lora) {
    return ExpertPaths.isExpert(lora.path())
        ? lora.slot().weights().stream()
            .map(name -> name.substring(0, name.length() - ".weight".length()))
            .toList()
        : List.of(lora.path());
  }

  /// The spec to save: leaf names of modules, one rank, one alpha.
  Lora spec(Lora spec) {
    int rank = rank();
    Set<String> leaves = new TreeSet<>();
    Set<String> whole = new LinkedHashSet<>();
    for (Placement place : places) {
      if (place instanceof LoraPlace lora) {
        paths(lora).forEach(path -> leaves.add(Targets.leaf(path)));
        whole.addAll(paths(lora));
      }
    }
    Lora brief = Lora.of(rank, 1, new Targets.Names(List.copyOf(leaves)));
    boolean same = new LinkedHashSet<>(brief.select(shape.paths(), shape.ends())).equals(adapted());
    // without rsLoRA, whose scale a reader of two matrices as one would get wrong (Lora.joined)
    return Lora.of(rank, scaling() * rank, new Targets.Names(List.copyOf(same ? leaves : whole)))
        .withDropout(spec.dropout())
        .withExtras(spec.extras());
  }
}
