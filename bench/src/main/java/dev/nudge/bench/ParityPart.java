package dev.nudge.bench;

import java.util.ArrayList;
import java.util.List;

/// One part of the parity study: what is done in one go and leaves one file.
///
/// @param rate of a pilot; 0 elsewhere: a run takes the best of its pilots
/// @param seed of the run: where adapters begin, and the order of the rows
record ParityPart(ParityDomain domain, Kind kind, ParityMethod method, double rate, int seed) {
  /// Seeds of a run.
  static final int SEEDS = 3;

  private static final int SIDE_DOMAINS = 2;

  /// What a part is for.
  enum Kind {
    /// The model as it is.
    BASE,
    /// A rate, tried on a tenth of the rows.
    PILOT,
    /// A training run with its evaluation.
    RUN,
    /// The same with another shape of the adapter.
    SIDE
  }

  /// All parts in their order: one domain whole after another, then the side runs, so that a study
  /// that was broken off says all about some domains.
  static List<ParityPart> all() {
    List<ParityPart> all = new ArrayList<>();
    for (ParityDomain domain : ParityDomain.ALL) {
      all.add(new ParityPart(domain, Kind.BASE, ParityMethod.BASE, 0, 0));
      all.add(new ParityPart(domain, Kind.BASE, ParityMethod.BASE_NF4, 0, 0));
      for (ParityMethod method : ParityMethod.MAIN) {
        method.rates().forEach(r -> all.add(new ParityPart(domain, Kind.PILOT, method, r, 0)));
      }
      for (int seed = 0; seed < SEEDS; seed++) {
        for (ParityMethod method : ParityMethod.MAIN) {
          all.add(new ParityPart(domain, Kind.RUN, method, 0, seed));
        }
      }
    }
    for (ParityDomain domain : side()) {
      for (int seed = 0; seed < SEEDS; seed++) {
        for (ParityMethod method : ParityMethod.SIDE) {
          all.add(new ParityPart(domain, Kind.SIDE, method, 0, seed));
        }
      }
    }
    return all;
  }

  /// The domains with side runs.
  static List<ParityDomain> side() {
    return ParityDomain.ALL.subList(0, SIDE_DOMAINS);
  }

  /// The pilots that choose the rate of a method.
  static List<ParityPart> pilots(ParityDomain domain, ParityMethod method) {
    return all().stream()
        .filter(p -> p.kind == Kind.PILOT)
        .filter(p -> p.domain.equals(domain) && p.method == method.piloted())
        .toList();
  }

  /// Its name, and that of its file: `finance-lora-0`, `finance-pilot-lora-3e-4`.
  String name() {
    return switch (kind) {
      case BASE -> domain.name() + "-" + method.id();
      case PILOT -> domain.name() + "-pilot-" + method.id() + "-" + ParityMethod.written(rate);
      case RUN, SIDE -> domain.name() + "-" + method.id() + "-" + seed;
    };
  }

  /// Whether a word of `--only` means this part: a domain, a method, a kind, or a part's name.
  boolean is(String word) {
    return word.equals(name())
        || word.equals(domain.name())
        || word.equals(method.id())
        || word.equalsIgnoreCase(kind.name());
  }
}
