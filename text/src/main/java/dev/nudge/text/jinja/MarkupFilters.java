package dev.nudge.text.jinja;

import java.nio.charset.Charset;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The filters of task files that read and write HTML: `striptags` and `xmlattr`.
///
/// `striptags` turns references such as `&amp;` and `&#8211;` into their characters by the rules of
/// HTML 5, as Python's `html.unescape`. Of the more than two thousand names it knows those of Latin
/// letters and of punctuation; any other is refused, for it may be a character of Python's list.
final class MarkupFilters {
  private static final Pattern REFERENCE =
      Pattern.compile("&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\\t\\n\\f <&#;]{1,32};?)");
  private static final Pattern NAME = Pattern.compile("[A-Za-z][A-Za-z0-9]+;");
  private static final Pattern NO_KEY =
      Pattern.compile("[\\s/>=]", Pattern.UNICODE_CHARACTER_CLASS);
  private static final Charset WINDOWS = Charset.forName("windows-1252");

  /// Names of U+00A0 to U+00FF, which HTML knows without a semicolon too.
  private static final String LATIN =
      "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn"
          + " sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest"
          + " Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave"
          + " Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave"
          + " Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig"
          + " ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute"
          + " ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml";

  /// Names that need their semicolon.
  private static final Map<String, String> WITH_SEMICOLON =
      Map.ofEntries(
          Map.entry("apos", "'"),
          Map.entry("ndash", "–"),
          Map.entry("mdash", "—"),
          Map.entry("lsquo", "‘"),
          Map.entry("rsquo", "’"),
          Map.entry("sbquo", "‚"),
          Map.entry("ldquo", "“"),
          Map.entry("rdquo", "”"),
          Map.entry("bdquo", "„"),
          Map.entry("lsaquo", "‹"),
          Map.entry("rsaquo", "›"),
          Map.entry("hellip", "…"),
          Map.entry("bull", "•"),
          Map.entry("dagger", "†"),
          Map.entry("permil", "‰"),
          Map.entry("prime", "′"),
          Map.entry("euro", "€"),
          Map.entry("trade", "™"),
          Map.entry("larr", "←"),
          Map.entry("rarr", "→"),
          Map.entry("minus", "−"),
          Map.entry("le", "≤"),
          Map.entry("ge", "≥"),
          Map.entry("ne", "≠"),
          Map.entry("asymp", "≈"),
          Map.entry("infin", "∞"),
          Map.entry("ensp", "\u2002"),
          Map.entry("emsp", "\u2003"),
          Map.entry("thinsp", "\u2009"),
          Map.entry("OElig", "Œ"),
          Map.entry("oelig", "œ"),
          Map.entry("Scaron", "Š"),
          Map.entry("scaron", "š"));

  private static final Map<String, String> WITHOUT = new HashMap<>();

  static {
    char next = '\u00a0';
    for (String name : LATIN.split(" ")) {
      WITHOUT.put(name, String.valueOf(next++));
    }
    Map<String, String> others = Map.of("amp", "&", "lt", "<", "gt", ">", "quot", "\"");
    others.forEach(
        (name, is) -> {
          WITHOUT.put(name, is);
          WITHOUT.put(name.toUpperCase(Locale.ROOT), is);
        });
    WITHOUT.put("COPY", "©");
    WITHOUT.put("REG", "®");
  }

  private MarkupFilters() {}

  /// Takes comments and tags away, makes each run of spaces one, and then resolves references.
  static Value stripTags(Value value, Arguments given) {
    String text = Python.str(Filters.none(value, given)).chars();
    StringBuilder kept = new StringBuilder();
    int at = 0;
    int start = text.indexOf('<');
    while (start >= 0) {
      boolean comment = text.startsWith("<!--", start);
      int end = comment ? text.indexOf("-->", start + 4) : text.indexOf('>', start);
      if (end < 0) {
        break; // it is never closed, so it is text
      }
      kept.append(text, at, start);
      at = end + (comment ? 3 : 1);
      start = text.indexOf('<', at);
    }
    kept.append(text, at, text.length());
    Text words =
        StringMethods.join(Text.of(" "), StringMethods.split(Text.of(kept.toString()), null, -1));
    String made = REFERENCE.matcher(words.chars()).replaceAll(MarkupFilters::character);
    return given.budget().made(Text.of(made));
  }

  private static String character(MatchResult found) {
    String name = found.group(1);
    return Matcher.quoteReplacement(name.charAt(0) == '#' ? numbered(name) : named(name));
  }

  private static String named(String name) {
    String known =
        name.endsWith(";")
            ? WITH_SEMICOLON.get(name.substring(0, name.length() - 1))
            : WITHOUT.get(name);
    if (known == null && name.endsWith(";")) {
      known = WITHOUT.get(name.substring(0, name.length() - 1));
    }
    if (known != null) {
      return known;
    }
    if (NAME.matcher(name).matches()) {
      throw new Mistake(
          "striptags does not know the character &" + name + " write it as itself or as &#NUMBER;");
    }
    for (int end = name.length() - 1; end > 1; end--) { // `&notit` is ¬it
      String begin = WITHOUT.get(name.substring(0, end));
      if (begin != null) {
        return begin + name.substring(end);
      }
    }
    return "&" + name;
  }

  private static String numbered(String name) {
    String digits = name.substring(1).replace(";", "");
    boolean hex = digits.charAt(0) == 'x' || digits.charAt(0) == 'X';
    String plain = (hex ? digits.substring(1) : digits).replaceFirst("^0+(?=.)", "");
    int code = plain.length() > 8 ? Integer.MAX_VALUE : (int) Long.parseLong(plain, hex ? 16 : 10);
    if (code == 0 || code >= 0xd800 && code <= 0xdfff || code < 0 || code > 0x10ffff) {
      return "\ufffd";
    }
    if (code >= 0x80 && code <= 0x9f) { // what pages of Windows mean by it
      String meant = new String(new byte[] {(byte) code}, WINDOWS);
      return meant.equals("\ufffd") ? Character.toString(code) : meant;
    }
    boolean control = code < 0x20 && "\t\n\f\r".indexOf(code) < 0 || code == 0x7f;
    boolean none = code >= 0xfdd0 && code <= 0xfdef || (code & 0xfffe) == 0xfffe;
    return control || none ? "" : Character.toString(code);
  }

  /// Keys and values as attributes of an element, those that are none or undefined left out.
  static Value attributes(Value value, Arguments given) {
    Arguments arguments = given.bind("xmlattr", "autospace");
    if (!(value instanceof Dict dict)) {
      throw new Mistake("'xmlattr' needs a dict, not a " + value.type());
    }
    TextBuilder out = new TextBuilder();
    String before = arguments.is("autospace", true) ? " " : "";
    for (Map.Entry<Value, Value> one : dict.entries().entrySet()) {
      if (one.getValue() == None.NONE || one.getValue() instanceof Undefined) {
        continue;
      }
      if (!(one.getKey() instanceof Text key) || NO_KEY.matcher(key.chars()).find()) {
        throw new Mistake(
            "xmlattr has the key '" + Python.str(one.getKey()) + "', which is no attribute's name");
      }
      out.add(before, Origin.TEMPLATE).add((Text) Filters.escape(key));
      out.add("=\"", Origin.TEMPLATE).add((Text) Filters.escape(Python.str(one.getValue())));
      out.add("\"", Origin.TEMPLATE);
      before = " ";
    }
    return given.budget().made(out.text());
  }
}
