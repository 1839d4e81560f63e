#include <reel/report/heat_map.h>

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include <reel/data/png.h>
#include <reel/graph/error.h>
#include <reel/report/canvas.h>
#include <reel/report/escape.h>
#include <reel/report/figure.h>

namespace reel::report {
namespace {

constexpr std::size_t kMostCells = 2000;  // drawn one by one
constexpr double kStrongest = 0.85;       // opacity; text on it stays legible
constexpr double kLetter = 11;            // font size of names
// The colours of an image, which cannot follow the page's variables.
constexpr std::array<std::uint8_t, 3> kBlue = {43, 115, 201}, kRed = {214, 64, 43};
constexpr double kLongest = 150;  // width of a name

struct Scale {
  double low, high;
  bool diverging;

  explicit Scale(const HeatMap& map) : low(INFINITY), high(-INFINITY), diverging(map.diverging) {
    for (double v : map.values)
      if (std::isfinite(v)) low = std::min(low, v), high = std::max(high, v);
    if (low > high) low = 0, high = 1;
    if (diverging) {
      high = std::max(std::abs(low), std::abs(high));
      if (high == 0) high = 1;
      low = -high;
    } else if (low > 0 && low < high / 2) {
      low = 0;
    }
  }
  // -1 .. 1, or 0 .. 1
  double strength(double v) const {
    if (diverging) return v / high;
    const double length = high / 2 - low / 2;  // halves: the whole may be no finite number
    return length > 0 ? (v / 2 - low / 2) / length : 0;
  }
};

std::string colour(const Scale& scale, double value) {
  const double s = scale.strength(value);
  const bool negative = s < 0 || !scale.diverging;
  return fmt::format(R"({} fill-opacity="{:.2f}")", negative ? ink::kNegative : ink::kPositive, kStrongest * std::abs(s));
}

std::string tooltip(const std::string& row, const std::string& column, double value) {
  const std::string name = row + (row.empty() || column.empty() ? "" : ", ") + column;
  return name + (name.empty() ? "" : ": ") + number(value);
}

double widest(const std::vector<std::string>& names, double size) {
  double width = 0;
  for (const std::string& name : names) width = std::max(width, text_width(name, size));
  return width;
}

// The smallest of 1, 2, 5, 10, ... that is not below `least`.
std::size_t nice_stride(double least) {
  for (std::size_t decade = 1;; decade *= 10)
    for (std::size_t factor : {1, 2, 5})
      if (static_cast<double>(factor * decade) >= least) return factor * decade;
}

class Painter {
 public:
  explicit Painter(const HeatMap& map) : map_(map), scale_(map), rows_(map.rows), columns_(map.columns), canvas_(0, {}) {
    for (auto* names : {&rows_, &columns_})
      for (std::string& name : *names) name = fitted(name, kLongest, kLetter);
    lay_out();
    canvas_ = Canvas(width_, fmt::format("{}: {} by {} values from {} to {}", map.title, rows_.size(), columns_.size(),
                                         number(scale_.low), number(scale_.high)));
  }

  std::string svg() {
    if (map_.values.empty()) {
      canvas_.text(0, 20, "no values yet", ink::kMuted);
      return canvas_.svg(30, false);
    }
    name_rows();
    name_columns();
    if (map_.values.size() > kMostCells) draw_image();
    draw_cells();
    draw_scale();
    return canvas_.svg(height_, false);
  }

 private:
  static constexpr double kScaleHeight = 44, kStep = 8;  // of the legend
  static constexpr int kSteps = 21;

  void lay_out() {
    const double columns = static_cast<double>(std::max<std::size_t>(1, columns_.size()));
    const double rows = static_cast<double>(std::max<std::size_t>(1, rows_.size()));
    left_ = std::ceil(widest(rows_, kLetter)) + (widest(rows_, kLetter) > 0 ? 8 : 0);
    cell_width_ = std::clamp(std::floor((kWide - left_ - 12) / columns), 4., 52.);
    cell_height_ = std::clamp(std::floor(420 / rows), 4., std::min(24., 2 * cell_width_));
    const double name = widest(columns_, kLetter);
    slanted_ = name > cell_width_ - 2 && name > 34;
    top_ = name == 0 ? 2 : slanted_ ? std::ceil(0.71 * name) + 12 : 20;
    const double beyond = slanted_ ? 0.71 * name : 2;
    width_ = std::max(left_ + columns * cell_width_ + beyond, left_ + kSteps * kStep + 8);
    height_ = top_ + rows * cell_height_ + kScaleHeight;
  }

  double x(std::size_t column) const { return left_ + cell_width_ * static_cast<double>(column); }
  double y(std::size_t row) const { return top_ + cell_height_ * static_cast<double>(row); }

  void name_rows() {
    const std::size_t every = nice_stride(12.5 / cell_height_);
    for (std::size_t r = 0; r < rows_.size(); r += every)
      canvas_.text(left_ - 6, y(r) + cell_height_ / 2 + 4, rows_[r], ink::kMuted, {.size = kLetter, .anchor = Anchor::end});
  }

  void name_columns() {
    const std::size_t every = nice_stride((slanted_ ? 14 : widest(columns_, kLetter) + 2) / cell_width_);
    for (std::size_t c = 0; c < columns_.size(); c += every) {
      const double middle = x(c) + cell_width_ / 2;
      if (slanted_)
        canvas_.text(middle + 2, top_ - 5, columns_[c], ink::kMuted, {.size = kLetter, .rotation = -45});
      else
        canvas_.text(middle, top_ - 6, columns_[c], ink::kMuted, {.size = kLetter, .anchor = Anchor::middle});
    }
  }

  void draw_image() {
    std::vector<std::uint8_t> pixels;
    for (double v : map_.values) {
      const double s = std::isfinite(v) ? scale_.strength(v) : 0;
      const bool negative = s < 0 || !scale_.diverging;
      const auto alpha = static_cast<std::uint8_t>(std::lround(255 * kStrongest * std::abs(s)));
      for (std::uint8_t channel : negative ? kBlue : kRed) pixels.push_back(channel);
      pixels.push_back(alpha);
    }
    const auto image = encode_png_with_alpha(static_cast<int>(columns_.size()), static_cast<int>(rows_.size()), pixels);
    canvas_.raw(fmt::format(R"(<image x="{}" y="{}" width="{}" height="{}" preserveAspectRatio="none" )"
                            R"(style="image-rendering:pixelated" href="{}"/>)",
                            coordinate(left_), coordinate(top_), coordinate(x(columns_.size()) - left_),
                            coordinate(y(rows_.size()) - top_), png_data_uri(image)));
  }

  void draw_cells() {
    const bool one_by_one = map_.values.size() <= kMostCells, with_numbers = one_by_one && numbers_fit();
    for (std::size_t r = 0; r < rows_.size(); ++r)
      for (std::size_t c = 0; c < columns_.size(); ++c) {
        const double v = map_.values[r * columns_.size() + c];
        if (!std::isfinite(v)) {
          // Neighbours are hatched together.
          const std::size_t first = c;
          while (c + 1 < columns_.size() && !std::isfinite(map_.values[r * columns_.size() + c + 1])) ++c;
          canvas_.hatch(x(first), y(r), x(c + 1) - x(first), cell_height_);
        } else if (one_by_one) {
          const double gap = cell_width_ >= 8 && cell_height_ >= 8 ? 1 : 0;
          canvas_.rectangle(x(c), y(r), cell_width_ - gap, cell_height_ - gap, colour(scale_, v),
                            tooltip(map_.rows[r], map_.columns[c], v));
          if (with_numbers)
            canvas_.text(x(c) + (cell_width_ - gap) / 2, y(r) + cell_height_ / 2 + 3.5, number(v, 2),
                         R"(class="ink" fill="#1f2328" pointer-events="none")", {.size = 10.5, .anchor = Anchor::middle});
        }
      }
    canvas_.rectangle(left_ - 0.5, top_ - 0.5, x(columns_.size()) - left_ + 0.5, y(rows_.size()) - top_ + 0.5, ink::kGrid);
  }

  bool numbers_fit() const {
    if (cell_width_ < 30 || cell_height_ < 16) return false;
    return std::ranges::all_of(map_.values, [&](double v) { return text_width(number(v, 2), 10.5) < cell_width_ - 4; });
  }

  void draw_scale() {
    constexpr double kBar = 9;
    const double top = height_ - kScaleHeight + 14;
    for (int i = 0; i < kSteps; ++i) {
      const double part = static_cast<double>(i) / (kSteps - 1);
      canvas_.rectangle(left_ + kStep * i, top, kStep, kBar, colour(scale_, (1 - part) * scale_.low + part * scale_.high));
    }
    canvas_.rectangle(left_, top, kSteps * kStep, kBar, ink::kGrid);
    const double below = top + kBar + 14, length = kSteps * kStep;
    canvas_.text(left_, below, number(scale_.low, 3), ink::kMuted, {.size = kLetter});
    if (scale_.diverging) canvas_.text(left_ + length / 2, below, "0", ink::kMuted, {.size = kLetter, .anchor = Anchor::middle});
    canvas_.text(left_ + length, below, number(scale_.high, 3), ink::kMuted, {.size = kLetter, .anchor = Anchor::end});
  }

  const HeatMap& map_;
  Scale scale_;
  std::vector<std::string> rows_, columns_;
  Canvas canvas_;
  bool slanted_ = false;
  double left_ = 0, top_ = 0, cell_width_ = 0, cell_height_ = 0, width_ = 0, height_ = 0;
};

}  // namespace

void check(const HeatMap& map) {
  if (map.values.size() != map.rows.size() * map.columns.size())
    throw InputError(fmt::format("heat map \"{}\": {} rows of {} columns are {} values, but {} were given", map.title,
                                 map.rows.size(), map.columns.size(), map.rows.size() * map.columns.size(), map.values.size()));
}

std::string svg(const HeatMap& map) {
  check(map);
  return Painter(map).svg();
}

std::string html(const HeatMap& map) {
  const auto bad = static_cast<std::size_t>(std::ranges::count_if(map.values, [](double v) { return !std::isfinite(v); }));
  const std::string hatched = bad ? fmt::format(" Hatched: {} not finite.", counted(bad, "value")) : "";
  return figure(map.title, scrolling(svg(map)), map.caption + hatched);
}

}  // namespace reel::report
