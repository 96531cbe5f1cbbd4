package dev.nudge.constrain;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/// Unicode's general categories as sets of characters, of the version that this Java has.
final class Categories {
  /// Names by the number that `Character.getType` gives; 17 is none.
  private static final List<String> NAMES =
      List.of(
          "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Me", "Mc", "Nd", "Nl", "No", "Zs", "Zl", "Zp",
          "Cc", "Cf", "", "Co", "Cs", "Pd", "Ps", "Pe", "Pc", "Po", "Sm", "Sc", "Sk", "So", "Pi",
          "Pf");

  private static final Map<String, Ranges> MADE = new ConcurrentHashMap<>();

  private Categories() {}

  /// The characters of a category (`Lu`) or of a group of them (`L`); null where there is none.
  static @Nullable Ranges of(String name) {
    boolean known =
        !name.isEmpty() && name.length() <= 2 && NAMES.stream().anyMatch(n -> n.startsWith(name));
    return known ? MADE.computeIfAbsent(name, Categories::make) : null;
  }

  private static Ranges make(String name) {
    return Ranges.where(c -> NAMES.get(Character.getType(c)).startsWith(name));
  }
}
