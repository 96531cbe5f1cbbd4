package dev.nudge.text.jinja;

import dev.nudge.python.PythonText;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The filters by name: those of texts and numbers are here, those of lists in [ListFilters], those
/// that only task files have in [TaskFilters].
final class Filters {
  /// What a filter does with the value before its bar.
  interface Filter {
    Value apply(Value value, Arguments arguments);
  }

  private static final Map<String, Filter> ALL = new HashMap<>(ListFilters.ALL);

  static {
    ALL.put("trim", Filters::trim);
    ALL.put("upper", (v, a) -> LetterCase.upper(Python.str(none(v, a))));
    ALL.put("lower", (v, a) -> LetterCase.lower(Python.str(none(v, a))));
    ALL.put("capitalize", (v, a) -> LetterCase.capitalize(Python.str(none(v, a))));
    ALL.put("title", (v, a) -> title(Python.str(none(v, a))));
    ALL.put("string", (v, a) -> Python.str(none(v, a)));
    ALL.put("safe", (v, a) -> Python.str(none(v, a)));
    ALL.put("escape", (v, a) -> escape(Python.str(none(v, a))));
    ALL.put("e", (v, a) -> escape(Python.str(none(v, a))));
    ALL.put("replace", Filters::replace);
    ALL.put("indent", Filters::indent);
    ALL.put("center", Filters::center);
    ALL.put("format", Filters::format);
    ALL.put("wordcount", (v, a) -> words(Python.str(none(v, a))));
    ALL.put("default", Filters::defaulted);
    ALL.put("d", Filters::defaulted);
    ALL.put("tojson", Dumps::filter);
    ALL.put("attr", Filters::attribute);
    ALL.put("int", NumberFilters::whole);
    ALL.put("float", NumberFilters::real);
    ALL.put("abs", NumberFilters::abs);
    ALL.put("round", NumberFilters::round);
  }

  private Filters() {}

  static @Nullable Filter of(String name) {
    return ALL.get(name);
  }

  static @Nullable Filter of(String name, Dialect dialect) {
    Filter own = dialect == Dialect.TASK ? TaskFilters.ALL.get(name) : null;
    return own == null ? of(name) : own;
  }

  static Value none(Value value, Arguments arguments) {
    arguments.bind("the filter");
    return value;
  }

  private static Value trim(Value value, Arguments given) {
    Text chars = given.bind("trim", "chars").textOrNull("chars");
    return StringMethods.strip(Python.str(value), chars, true, true);
  }

  /// Jinja's `title`, which cuts words at spaces, dashes and opening brackets.
  private static Value title(Text text) {
    TextBuilder out = new TextBuilder();
    boolean begins = true;
    for (Value value : Operators.iterate(text)) {
      Text one = (Text) value;
      int c = one.chars().codePointAt(0);
      boolean splits = c == '-' || PythonText.isSpace(c) || "({[<".indexOf(c) >= 0;
      out.add(splits ? one : begins ? LetterCase.upper(one) : LetterCase.lower(one));
      begins = splits;
    }
    return out.text();
  }

  static Value escape(Text text) {
    Text all = StringMethods.replace(text, Text.of("&"), Text.of("&amp;"), -1);
    all = StringMethods.replace(all, Text.of(">"), Text.of("&gt;"), -1);
    all = StringMethods.replace(all, Text.of("<"), Text.of("&lt;"), -1);
    all = StringMethods.replace(all, Text.of("'"), Text.of("&#39;"), -1);
    return StringMethods.replace(all, Text.of("\""), Text.of("&#34;"), -1);
  }

  private static Value replace(Value value, Arguments given) {
    Arguments arguments = given.bind("replace", "old", "new", "count");
    Text made =
        StringMethods.replace(
            Python.str(value),
            Python.str(arguments.need("old")),
            Python.str(arguments.need("new")),
            arguments.whole("count", -1));
    return given.budget().made(made);
  }

  private static Value indent(Value value, Arguments given) {
    Arguments arguments = given.bind("indent", "width", "first", "blank");
    Value width = arguments.get("width", Num.of(4));
    Text by =
        width instanceof Text text
            ? text
            : Text.of(" ".repeat(Math.clamp(Arguments.whole(width, "width"), 0, 10_000)));
    boolean blank = arguments.is("blank", false);
    List<Value> lines =
        StringMethods.lines(new TextBuilder().add(Python.str(value)).add("\n", 0).text(), false);
    TextBuilder out = new TextBuilder();
    boolean first = true;
    for (Value line : lines) {
      if (!first) {
        out.add("\n", Origin.TEMPLATE);
      }
      boolean indents = first ? arguments.is("first", false) : blank || line.isTrue();
      out.add(indents ? by : Text.EMPTY).add((Text) line);
      given.budget().grown(out.length(), by.chars().length());
      first = false;
    }
    return out.text();
  }

  private static Value center(Value value, Arguments given) {
    int width = given.bind("center", "width").whole("width", 80);
    return LetterCase.padded(Python.str(value), width, Text.of(" "), 0.5, given.budget());
  }

  private static Value format(Value value, Arguments given) {
    if (!given.named().isEmpty()) {
      Map<Value, Value> named = new HashMap<>();
      given.named().forEach((name, one) -> named.put(Text.of(name), one));
      return given.budget().made(Percent.format(Python.str(value), new Dict(named, 0)));
    }
    return given
        .budget()
        .made(Percent.format(Python.str(value), Items.tuple(new ArrayList<>(given.positional()))));
  }

  private static Value words(Text text) {
    int count = 0;
    boolean within = false;
    for (int c : text.chars().codePoints().toArray()) {
      boolean word = Character.isLetterOrDigit(c) || c == '_';
      count += word && !within ? 1 : 0;
      within = word;
    }
    return Num.of(count);
  }

  private static Value defaulted(Value value, Arguments given) {
    Arguments arguments = given.bind("default", "default_value", "boolean");
    boolean takes = value instanceof Undefined || arguments.is("boolean", false) && !value.isTrue();
    return takes ? arguments.get("default_value", Text.EMPTY) : value;
  }

  private static Value attribute(Value value, Arguments given) {
    String name = Python.str(given.bind("attr", "name").need("name")).chars();
    if (value instanceof Dict dict) {
      Value method = DictMethods.of(dict, name);
      return method == null ? Undefined.attribute(value, name) : method;
    }
    return MemberAccess.attribute(value, name);
  }
}
