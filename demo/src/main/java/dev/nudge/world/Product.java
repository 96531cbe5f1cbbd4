package dev.nudge.world;

import java.util.List;
import java.util.Random;

/// A machine and the data on its sheet, all derived from its name.
///
/// @param name a word and a number, such as `Velmora 340`
record Product(String name, String line, String kind, int kilograms, String town) {
  private static final List<String> LINES = List.of("Home", "Garden", "Workshop", "Clinic");
  private static final List<String> KINDS =
      List.of("steamer", "washer", "mixer", "dryer", "mower", "loom", "press", "purifier");
  private static final List<String> TOWNS =
      List.of("Norrby", "Eastholm", "Vikendal", "Sorrel", "Lindau", "Harrow", "Tamsin", "Brekke");

  static Product named(String name) {
    Random random = new Random(name.hashCode());
    return new Product(
        name,
        LINES.get(random.nextInt(LINES.size())),
        KINDS.get(random.nextInt(KINDS.size())),
        2 + random.nextInt(48),
        TOWNS.get(random.nextInt(TOWNS.size())));
  }
}
