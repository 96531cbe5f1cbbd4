package dev.nudge.text.jinja;

import dev.nudge.python.PythonText;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/// The methods of a string.
final class TextMethods {
  private interface Method {
    Value call(Text text, Arguments arguments);
  }

  private static final Set<String> UNKNOWN =
      Set.of(
          "encode",
          "expandtabs",
          "format_map",
          "isidentifier",
          "isprintable",
          "istitle",
          "maketrans",
          "translate");

  private static final Map<String, Method> METHODS = new HashMap<>();

  static {
    plain("upper", StringMethods::upper);
    plain("lower", StringMethods::lower);
    plain("casefold", StringMethods::lower);
    plain("capitalize", StringMethods::capitalize);
    plain("title", StringMethods::title);
    plain("swapcase", StringMethods::swapCase);
    METHODS.put("strip", (t, a) -> strip(t, a, true, true));
    METHODS.put("lstrip", (t, a) -> strip(t, a, true, false));
    METHODS.put("rstrip", (t, a) -> strip(t, a, false, true));
    METHODS.put("split", (t, a) -> split(t, a, false));
    METHODS.put("rsplit", (t, a) -> split(t, a, true));
    METHODS.put("splitlines", TextMethods::splitLines);
    METHODS.put("startswith", (t, a) -> at(t, a, true));
    METHODS.put("endswith", (t, a) -> at(t, a, false));
    METHODS.put("replace", TextMethods::replace);
    METHODS.put("find", (t, a) -> Num.of(find(t, a, true)));
    METHODS.put("rfind", (t, a) -> Num.of(find(t, a, false)));
    METHODS.put("index", (t, a) -> index(find(t, a, true)));
    METHODS.put("rindex", (t, a) -> index(find(t, a, false)));
    METHODS.put("count", TextMethods::count);
    METHODS.put("join", TextMethods::join);
    METHODS.put("format", (t, a) -> a.budget().made(Formats.braces(t, a)));
    METHODS.put("partition", (t, a) -> partition(t, a, true));
    METHODS.put("rpartition", (t, a) -> partition(t, a, false));
    METHODS.put("removeprefix", (t, a) -> remove(t, a, true));
    METHODS.put("removesuffix", (t, a) -> remove(t, a, false));
    METHODS.put("ljust", (t, a) -> pad(t, a, 0));
    METHODS.put("rjust", (t, a) -> pad(t, a, 1));
    METHODS.put("center", (t, a) -> pad(t, a, 0.5));
    METHODS.put("zfill", TextMethods::zeros);
    METHODS.put("islower", (t, a) -> Num.of(PythonText.isLower(none(t, a).chars())));
    METHODS.put("isupper", (t, a) -> Num.of(PythonText.isUpper(none(t, a).chars())));
    all(
        "isdigit",
        c ->
            Character.isDigit(c)
                || Character.getType(c) == Character.OTHER_NUMBER
                    && Character.getNumericValue(c) >= 0
                    && Character.getNumericValue(c) < 10);
    all("isdecimal", Character::isDigit);
    all(
        "isnumeric",
        c ->
            Character.isDigit(c)
                || Character.getType(c) == Character.OTHER_NUMBER
                || Character.getType(c) == Character.LETTER_NUMBER);
    all("isalpha", Character::isLetter);
    all(
        "isalnum",
        c ->
            Character.isLetterOrDigit(c)
                || Character.getType(c) == Character.OTHER_NUMBER
                || Character.getType(c) == Character.LETTER_NUMBER);
    all("isspace", PythonText::isSpace);
    METHODS.put("isascii", (t, a) -> Num.of(none(t, a).chars().chars().allMatch(c -> c < 128)));
  }

  private TextMethods() {}

  private interface Change {
    Text of(Text text);
  }

  private static void plain(String name, Change change) {
    METHODS.put(name, (text, arguments) -> change.of(none(text, arguments)));
  }

  private static void all(String name, IntPredicate rule) {
    METHODS.put(name, (text, arguments) -> Num.of(StringMethods.all(none(text, arguments), rule)));
  }

  static @Nullable Value of(Text text, String name) {
    if (UNKNOWN.contains(name)) {
      throw MemberAccess.unknown(name, text);
    }
    Method method = METHODS.get(name);
    return method == null ? null : new Callable(name, arguments -> method.call(text, arguments));
  }

  private static Text none(Text text, Arguments arguments) {
    arguments.bind("the method");
    return text;
  }

  private static Value strip(Text text, Arguments given, boolean left, boolean right) {
    return StringMethods.strip(text, given.bind("strip", "chars").textOrNull("chars"), left, right);
  }

  private static Value split(Text text, Arguments given, boolean fromRight) {
    Arguments arguments = given.bind("split", "sep", "maxsplit");
    int most = arguments.whole("maxsplit", -1);
    Text separator = arguments.textOrNull("sep");
    List<Value> parts =
        fromRight
            ? StringMethods.splitFromRight(text, separator, most)
            : StringMethods.split(text, separator, most);
    given.budget().elements(parts.size());
    return Items.list(parts);
  }

  private static Value splitLines(Text text, Arguments given) {
    return Items.list(
        StringMethods.lines(text, given.bind("splitlines", "keepends").is("keepends", false)));
  }

  /// Returns the slice `[start:end]` to search in.
  private static Text part(Text text, Arguments arguments) {
    return (Text)
        Operators.of(
            text,
            arguments.get("start", None.NONE),
            arguments.get("end", None.NONE),
            None.NONE,
            arguments.budget());
  }

  private static Value at(Text text, Arguments given, boolean begin) {
    Arguments arguments = given.bind(begin ? "startswith" : "endswith", "prefix", "start", "end");
    String all = part(text, arguments).chars();
    Value prefix = arguments.need("prefix");
    List<Value> any =
        prefix instanceof Items items && items.kind() == Items.Kind.TUPLE
            ? items.values()
            : List.of(arguments.text("prefix"));
    for (Value one : any) {
      if (one instanceof Text t && (begin ? all.startsWith(t.chars()) : all.endsWith(t.chars()))) {
        return Num.TRUE;
      }
    }
    return Num.FALSE;
  }

  private static Value replace(Text text, Arguments given) {
    Arguments arguments = given.bind("replace", "old", "new", "count");
    return given
        .budget()
        .made(
            StringMethods.replace(
                text, arguments.text("old"), arguments.text("new"), arguments.whole("count", -1)));
  }

  private static int find(Text text, Arguments given, boolean first) {
    Arguments arguments = given.bind("find", "sub", "start", "end");
    String sought = arguments.text("sub").chars();
    Text part = part(text, arguments);
    int at = first ? part.chars().indexOf(sought) : part.chars().lastIndexOf(sought);
    if (at < 0) {
      return -1;
    }
    int start = arguments.whole("start", 0);
    int skipped = start < 0 ? Math.max(0, text.length() + start) : start;
    return part.codePoint(at) + skipped;
  }

  private static Value index(int found) {
    if (found < 0) {
      throw new Mistake("index() does not find the text");
    }
    return Num.of(found);
  }

  private static Value count(Text text, Arguments given) {
    Arguments arguments = given.bind("count", "sub", "start", "end");
    Text sought = arguments.text("sub");
    Text part = part(text, arguments);
    return Num.of(
        sought.isEmpty() ? part.length() + 1 : StringMethods.split(part, sought, -1).size() - 1);
  }

  private static Value join(Text text, Arguments given) {
    Value parts = given.bind("join", "iterable").need("iterable");
    return given.budget().made(StringMethods.join(text, Operators.iterate(parts)));
  }

  private static Value partition(Text text, Arguments given, boolean first) {
    Text separator = given.bind("partition", "sep").text("sep");
    if (separator.isEmpty()) {
      throw new Mistake("the separator is empty");
    }
    String all = text.chars();
    int at = first ? all.indexOf(separator.chars()) : all.lastIndexOf(separator.chars());
    if (at < 0) {
      return Items.tuple(
          first ? List.of(text, Text.EMPTY, Text.EMPTY) : List.of(Text.EMPTY, Text.EMPTY, text));
    }
    int end = at + separator.chars().length();
    return Items.tuple(List.of(text.sub(0, at), text.sub(at, end), text.sub(end, all.length())));
  }

  private static Value remove(Text text, Arguments given, boolean begin) {
    String affix = given.bind("removeprefix", "prefix").text("prefix").chars();
    String all = text.chars();
    if (begin) {
      return all.startsWith(affix) ? text.sub(affix.length(), all.length()) : text;
    }
    return all.endsWith(affix) ? text.sub(0, all.length() - affix.length()) : text;
  }

  private static Value pad(Text text, Arguments given, double leftShare) {
    Arguments arguments = given.bind("ljust", "width", "fillchar");
    Text fill = arguments.textOrNull("fillchar");
    int width = Arguments.whole(arguments.need("width"), "width");
    return StringMethods.padded(
        text, width, fill == null ? Text.of(" ") : fill, leftShare, given.budget());
  }

  private static Value zeros(Text text, Arguments given) {
    int width = Arguments.whole(given.bind("zfill", "width").need("width"), "width");
    boolean signed = text.chars().startsWith("-") || text.chars().startsWith("+");
    int sign = signed ? 1 : 0;
    Text digits = text.sub(sign, text.chars().length());
    return new TextBuilder()
        .add(text.sub(0, sign))
        .add(StringMethods.padded(digits, width - sign, Text.of("0"), 1, given.budget()))
        .text();
  }
}
