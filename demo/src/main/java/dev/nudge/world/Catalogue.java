package dev.nudge.world;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/// The machine names: 60 for training texts, 20 held out for tests, and any number of made-up
/// earlier models, so that names must be copied and not memorised.
final class Catalogue {
  static final int KNOWN = 60;
  static final int HELD_OUT = 20;

  private static final List<String> STARTS =
      List.of(
          "Vel", "Tar", "Or", "Mar", "Kel", "Bran", "Sil", "Dor", "Fen", "Lum", "Gal", "Hes", "Jor",
          "Nim", "Pel", "Quil", "Ros", "Thal", "Ul", "Wen", "Bar", "Cal", "Del", "El", "Far", "Gor",
          "Hul", "Ib", "Jan", "Kor", "Lin", "Mul", "Nor", "Ob", "Pra", "Ruv", "Sol", "Tul", "Um",
          "Vor", "Wil", "Yar", "Zel", "Ard", "Bel", "Cro", "Dun", "Esk");
  private static final List<String> MIDDLES = List.of("", "a", "e", "i", "o");
  private static final List<String> ENDS =
      List.of(
          "mora", "quin", "dane", "vex", "lith", "bar", "ston", "wick", "nora", "tel", "mund",
          "rix", "dell", "gard", "zen", "fair", "lo", "pax", "via", "tron", "bel", "cor", "dax",
          "fen", "gil", "hart", "ju", "kast", "lum", "mer", "nax", "ols", "pri", "ras", "sen",
          "tum", "ug", "vin", "wex", "yon", "zar", "brid", "clo", "drup", "fal", "gren", "hom",
          "kin");
  private static final long NAMES_SEED = 41; // fixed: names do not depend on the seed of the texts

  private final List<Product> known = new ArrayList<>();
  private final List<Product> heldOut = new ArrayList<>();
  private final Set<String> taken = new HashSet<>();
  private final Set<String> reserved = new HashSet<>();

  Catalogue() {
    Random random = new Random(NAMES_SEED);
    while (known.size() + heldOut.size() < KNOWN + HELD_OUT) {
      String word = word(random);
      if (taken.add(word)) {
        Product product = Product.named(word + " " + number(random));
        boolean held = known.size() == KNOWN;
        (held ? heldOut : known).add(product);
        if (held) {
          reserved.add(word);
        }
      }
    }
  }

  /// Returns the machines that any text may use.
  List<Product> known() {
    return known;
  }

  /// Returns the held-out machines, which occur in no training text.
  List<Product> heldOut() {
    return heldOut;
  }

  /// Draws a known machine.
  Product known(Random random) {
    return known.get(random.nextInt(known.size()));
  }

  /// Draws a known machine or, three times as often, a made-up earlier model.
  Product any(Random random) {
    if (random.nextInt(4) == 0) {
      return known(random);
    }
    String word = word(random);
    while (reserved.contains(word)) {
      word = word(random);
    }
    return Product.named(word + " " + number(random));
  }

  private static String word(Random random) {
    return STARTS.get(random.nextInt(STARTS.size()))
        + MIDDLES.get(random.nextInt(MIDDLES.size()))
        + ENDS.get(random.nextInt(ENDS.size()));
  }

  private static int number(Random random) {
    return random.nextBoolean() ? 10 + random.nextInt(90) : 10 * (10 + random.nextInt(90));
  }
}
