package dev.nudge.text;

import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/// Encodes a text that users partly wrote, so that their parts cannot inject special tokens.
///
/// The library's own switch, `encode_special_tokens`, cannot be reached from Java, and applies to
/// all special tokens of a text. So a second tokenizer is made whose special tokens have other
/// names ([Renaming]), and the text is rewritten: the template's special tokens get their new
/// names, while special tokens in user text are plain letters to the second tokenizer. Offsets
/// refer to the original text.
///
/// The template's special tokens are those that the first tokenizer finds in each piece that no
/// user wrote, so a token that is split between pieces does not count. If the second tokenizer does
/// not recognise one (a token that must be a whole word, next to a letter), the whole text has no
/// token there either, and its old text is restored.
///
/// Threading: any number of threads.
final class Spelled {
  private final NativeTokenizer first;
  private final NativeTokenizer second;
  private final Vocabulary vocabulary;
  private final Renaming renaming;

  private Spelled(
      NativeTokenizer first, NativeTokenizer second, Vocabulary vocabulary, Renaming renaming) {
    this.first = first;
    this.second = second;
    this.vocabulary = vocabulary;
    this.renaming = renaming;
  }

  /// Makes the second tokenizer; it takes about as long and as much memory as the first.
  ///
  /// @param json the text of `tokenizer.json`
  static Spelled of(
      NativeTokenizer first, Vocabulary vocabulary, String json, Path file, Path cache) {
    Set<String> specials = new LinkedHashSet<>();
    Set<String> others = new LinkedHashSet<>();
    vocabulary
        .added()
        .filter(id -> !token(vocabulary, id).isEmpty())
        .forEach(id -> (vocabulary.isSpecial(id) ? specials : others).add(token(vocabulary, id)));
    Renaming renaming = new Renaming(specials, others);
    NativeTokenizer second = NativeTokenizer.of(renaming.copy(json, file), file, cache);
    for (String special : specials) {
      int[] ids = second.ids(renaming.name(special), false);
      Integer id = vocabulary.id(special);
      if (id == null || Arrays.stream(ids).noneMatch(i -> i == id)) {
        throw new InputException(
            file + ": its special token '" + special + "' cannot be distinguished from user text");
      }
    }
    return new Spelled(first, second, vocabulary, renaming);
  }

  private static String token(Vocabulary vocabulary, int id) {
    return String.valueOf(vocabulary.token(id));
  }

  /// A special token and its range in the text.
  private record Place(int id, int start, int end) {}

  Encoded encode(String text, List<TextRange> users) {
    List<Place> places = places(text, users);
    while (true) {
      Rewritten rewritten = rewrite(text, places);
      Encoded encoded = second.encode(rewritten.text, false);
      List<Place> taken = rewritten.taken(encoded, places);
      if (taken.size() == places.size()) {
        return rewritten.back(encoded);
      }
      places = taken;
    }
  }

  /// Finds the special tokens outside of user text.
  private List<Place> places(String text, List<TextRange> users) {
    List<Place> places = new ArrayList<>();
    int from = 0;
    for (TextRange user : users) {
      find(text, from, user.start(), places);
      from = Math.max(from, user.end());
    }
    find(text, from, text.length(), places);
    return places;
  }

  private void find(String text, int from, int to, List<Place> places) {
    if (to <= from) {
      return;
    }
    String piece = text.substring(from, to);
    Encoded encoded = first.encode(piece, false);
    CodePoints points = CodePoints.of(piece);
    for (int i = 0; i < encoded.length(); i++) {
      int id = encoded.ids()[i];
      if (!vocabulary.isSpecial(id)) {
        continue;
      }
      int start = points.index(encoded.starts()[i]);
      int end = points.index(encoded.ends()[i]);
      String token = token(vocabulary, id);
      int at = piece.indexOf(token, start); // the token may include blanks around it
      if (at >= 0 && at + token.length() <= end) {
        places.add(new Place(id, from + at, from + at + token.length()));
      } else if (id != vocabulary.unknown()) { // a normaliser changed it
        places.add(new Place(id, from + start, from + end));
      }
    }
  }

  private Rewritten rewrite(String text, List<Place> places) {
    StringBuilder other = new StringBuilder(text.length() + 32 * places.size());
    int[] from = new int[places.size()];
    int[] to = new int[places.size()];
    int[] sourceEnd = new int[places.size()];
    int at = 0;
    int points = 0; // code points of the rewritten text
    int sourcePoints = 0;
    for (int k = 0; k < from.length; k++) {
      Place place = places.get(k);
      int between = text.codePointCount(at, place.start());
      String name = renaming.name(token(vocabulary, place.id()));
      other.append(text, at, place.start()).append(name);
      from[k] = points + between;
      to[k] = from[k] + name.length();
      int source = sourcePoints + between;
      sourceEnd[k] = source + text.codePointCount(place.start(), place.end());
      points = to[k];
      sourcePoints = sourceEnd[k];
      at = place.end();
    }
    other.append(text, at, text.length());
    return new Rewritten(other.toString(), from, to, sourceEnd);
  }

  /// A text with special tokens renamed.
  ///
  /// @param from code point at which each name begins
  /// @param to code point at which it ends
  /// @param sourceEnd code point at which the token ends in the original text
  private record Rewritten(String text, int[] from, int[] to, int[] sourceEnd) {

    /// Returns the places whose special token was recognised.
    List<Place> taken(Encoded encoded, List<Place> places) {
      List<Place> taken = new ArrayList<>();
      int i = 0;
      for (int k = 0; k < from.length; k++) {
        while (i < encoded.length() && encoded.ends()[i] < to[k]) {
          i++;
        }
        int j = i; // an empty token may precede it
        while (j < encoded.length()
            && encoded.starts()[j] <= from[k]
            && encoded.ids()[j] != places.get(k).id()) {
          j++;
        }
        if (j < encoded.length()
            && encoded.ids()[j] == places.get(k).id()
            && encoded.starts()[j] <= from[k]
            && encoded.ends()[j] >= to[k]) {
          taken.add(places.get(k));
        }
      }
      return taken;
    }

    Encoded back(Encoded encoded) {
      for (int i = 0; i < encoded.length(); i++) {
        encoded.starts()[i] = back(encoded.starts()[i]);
        encoded.ends()[i] = back(encoded.ends()[i]);
      }
      return encoded;
    }

    private int back(int point) {
      int found = Arrays.binarySearch(to, point);
      int before = (found >= 0 ? found + 1 : -found - 1) - 1; // the last name that ended
      return before < 0 ? point : sourceEnd[before] + point - to[before];
    }
  }
}
