// Known answers live in plain text files beside the tests: lines of words, comments after '#'.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

// The rows of a file in the folder of this header. Empty if it cannot be read, which the caller must check.
inline std::vector<std::vector<std::string>> known_answers(const std::string& name) {
  const std::string here = __FILE__;
  std::ifstream file(here.substr(0, here.rfind('/') + 1) + name);
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::vector<std::string> row;
    for (std::string word; words >> word;) row.push_back(word);
    if (!row.empty()) rows.push_back(row);
  }
  return rows;
}
