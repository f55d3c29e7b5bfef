// The one file that compiles Boost.JSON itself (header-only mode).
#include <boost/json/src.hpp>
